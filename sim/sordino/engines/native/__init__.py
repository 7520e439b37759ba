"""The circuit compiled to native code."""
