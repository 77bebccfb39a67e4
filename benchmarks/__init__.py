"""Measures the hot path. `make bench`; docs/performance.md shows what came out."""
