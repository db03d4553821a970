"""One run from end to end: observe, plan, guard, apply, report.

May import every layer below it (`apply`, `qbittorrent`, `plan`, `health`, `model`). Formats no output, and never
decides what to do to a torrent. This file imports nothing: a command begins with the modules that it needs first.
"""
