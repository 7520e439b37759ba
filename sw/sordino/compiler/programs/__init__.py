"""Programs: which networks of a graph run when."""
