"""Fuzzing: bytes from anywhere end in a result or in an error of ours, never in a traceback.

`python -m tests.support.fuzz TARGET SECONDS` (`make fuzz` runs all targets) looks for new inputs, guided by coverage.
"""
