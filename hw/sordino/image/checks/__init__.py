"""What is checked of an image before anything executes it."""
