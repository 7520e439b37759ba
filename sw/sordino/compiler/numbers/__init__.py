"""What is done to the numbers of a matrix before they are rounded, and what rounding leaves."""
