"""The command line: arguments and environment -> one call -> a report and an exit code.

May import every other room. Contains no logic about torrents: it reads options, sets up logs, signals and progress,
calls one function of `engine`, `queries`, `watch` or `desired`, and passes the result to `report`. Imports are late on
purpose: a command loads only what it needs.
"""
