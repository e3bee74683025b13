"""Benchmarks: `python -m tests.benchmarks` prints one table, all of it measured in one run on one machine."""
