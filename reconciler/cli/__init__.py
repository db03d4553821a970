"""The command line: arguments and environment -> one call -> a report and an exit code.

May import everything of ours. Holds no logic about torrents: it reads options, sets up logs, signals and progress,
calls one function of `control` or `desired`, and hands what comes of it to `report`. Its imports are late on purpose:
what a command does not need is not loaded.
"""
