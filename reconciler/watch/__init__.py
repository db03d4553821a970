"""The loop behind `reconcile --watch`: the single run, again and again, for months.

Built from small parts that know no real time: when to run (`schedule`), whom to leave alone for how long (`domains`),
what not to try again yet (`memory`, `contest`, `holding`), what is on disk (`source`, `looking`, `places`), and which
sessions stay open (`pool`). `loop` puts them together; `files` is the thread that sees the files change.
Does I/O on desired-state files (reading only) and through `control.run_once`; logs, and formats no report.
"""

from reconciler.retry import Clock, real_clock
from reconciler.watch.desired_source import Source
from reconciler.watch.file_watcher import FileWatch
from reconciler.watch.loop import Watch
from reconciler.watch.schedule import Cause, Trigger

__all__ = ["Cause", "Clock", "FileWatch", "Source", "Trigger", "Watch", "real_clock"]
