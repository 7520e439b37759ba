"""Second designs of parts of the machine, written apart from the first."""
