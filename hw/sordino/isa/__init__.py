"""The contract between compiler and machine: instructions, decoder tables, image, registers."""
