"""Options, files and output that commands share."""
