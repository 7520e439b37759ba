"""Records of the host section that are nested in it."""
