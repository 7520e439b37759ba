"""Power-up: the image comes from a memory on the board, through the machine's own registers."""
