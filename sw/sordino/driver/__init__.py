"""What a host does with the machine, whatever the link to it is."""
