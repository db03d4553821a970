"""The loop behind `reconcile --watch`: the single run, again and again, for months.

`loop` puts the parts together: when to run (`schedule`), how long to leave a failing instance alone (`backoff`) and a
failing or contested field (`holdback`, `fight_detector`), the desired state on disk (`desired_source`, `file_watcher`),
reads of failing instances between runs (`background_reader`), plans and sessions that are kept (`plan_cache`,
`session_pool`). `suspensions` are asked for by people. `registration` tells another program that it can send
downloads here, and `live_rows` reads the torrents of all instances while clients of the HTTP side ask. `free_memory`
gives memory back after long runs, and `garbage_collection` begins after the first one. Reads desired-state files,
contacts instances through `engine.run_once` and `live_rows`, logs, and renders no report.
"""

from reconciler.watch.desired_source import DesiredSource
from reconciler.watch.file_watcher import FileWatcher
from reconciler.watch.free_memory import MemoryReleaser
from reconciler.watch.garbage_collection import CollectorStarter
from reconciler.watch.live_rows import LiveRowReader
from reconciler.watch.loop import WatchContext, WatchLoop
from reconciler.watch.registration import RegistrationThread
from reconciler.watch.schedule import TriggerQueue
from reconciler.watch.suspensions import SuspensionBook

__all__ = [
    "CollectorStarter",
    "DesiredSource",
    "FileWatcher",
    "LiveRowReader",
    "MemoryReleaser",
    "RegistrationThread",
    "SuspensionBook",
    "TriggerQueue",
    "WatchContext",
    "WatchLoop",
]
