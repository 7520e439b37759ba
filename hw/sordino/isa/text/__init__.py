"""The contract as text: programs that are built, written and read, and a header for C."""
