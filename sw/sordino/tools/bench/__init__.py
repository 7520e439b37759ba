"""Sordino beside other engines on the same matrices: bits per weight and cycles."""

from sordino.tools.bench.engines import EngineBench, bench_engines, default_cases, find_vela

__all__ = ["EngineBench", "bench_engines", "default_cases", "find_vela"]
