"""Drivers of circuits in Amaranth's simulator: clocks with a limit, streams, stalls, buses."""
