"""Long measurements whose results are kept in docs/results, each run by a make target."""
