"""Re-ranking off the device: a service that chooses among a lattice's paths, and its client.

`protocol` is what both ends agree on, as data. `app`, `connections` and `server` need the extra
`serve`; the rest, the client among it, needs nothing beside the toolkit.
"""
