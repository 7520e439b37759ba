"""The host's side: registers, load window, FIFOs."""
