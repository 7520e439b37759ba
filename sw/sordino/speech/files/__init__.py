"""Files of sound and of features, read with suspicion."""
