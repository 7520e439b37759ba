"""What is loaded into a machine: the image, its bits, and whether it is right."""
