"""The program: what is done, in which order."""
