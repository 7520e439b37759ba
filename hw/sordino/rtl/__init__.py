"""The circuit: one block a file, the machine and its sequencer here, their parts in packages."""
