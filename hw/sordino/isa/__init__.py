"""The contract between compiler and machine: instructions, their times and hazards, registers."""
