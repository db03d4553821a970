"""The loop behind `reconcile --watch`: the single run, again and again, for months.

Built from small parts that know no real time: when to run (`schedule`), whom to leave alone for how long (`domains`),
what not to try again yet (`memory`, `contest`, `holding`), what is on disk (`source`, `looking`, `directories_to_watch`), and which
sessions stay open (`pool`). `loop` puts them together; `list_files` is the thread that sees the files change.
Does I/O on desired-state files (reading only) and through `control.run_once`; logs, and formats no report.
"""

from reconciler.watch.desired_source import DesiredSource
from reconciler.watch.file_watcher import FileWatcher
from reconciler.watch.loop import WatchLoop
from reconciler.watch.schedule import TriggerQueue

__all__ = ["DesiredSource", "FileWatcher", "TriggerQueue", "WatchLoop"]
