"""Tools around compiled models: benches, estimates, reports, sweeps."""
