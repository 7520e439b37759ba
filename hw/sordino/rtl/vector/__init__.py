"""The vector unit and its parts."""
