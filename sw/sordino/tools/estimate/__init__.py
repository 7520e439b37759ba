"""What a configuration takes of a device, without synthesis: memories, multipliers, logic."""
