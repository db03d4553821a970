"""Benchmarks: `make bench`. Every result is a ratio to a raw baseline in the same run on the same machine."""
