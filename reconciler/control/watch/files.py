"""The thread that sees the files change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import structlog
import watchfiles

from reconciler.control.watch.looking import Look, Looker
from reconciler.control.watch.places import Places, places

POLL: Final = 3.0  # seconds: where no event comes (bind mounts, network file systems), this is how late we are
_STEP: Final = 100  # milliseconds between two looks for events; what belongs together is for the schedule to wait for


class FileWatch(threading.Thread):
    """Calls `changed` whenever the content of one of `files()` has changed, until `stop` is set.

    Folders are watched, not files: whoever replaces a file or a link takes the watched inode away. What links lead to
    is found anew after each event. `seen` is how the files were when they were read last.
    """

    def __init__(
        self,
        files: Callable[[], Iterable[Path]],
        seen: Look,
        changed: Callable[[], None],
        stop: threading.Event,
        poll: float = POLL,
    ) -> None:
        super().__init__(name="files", daemon=True)
        self._files = files
        self._seen = seen
        self._changed = changed
        self._stop_event = stop
        self._poll = poll
        self._looker = Looker()

    def run(self) -> None:
        """Watch until asked to stop; where watching does not work, look from time to time."""
        complained = False
        while not self._stop_event.is_set():
            here = places(self._files())
            try:
                self._watch(here)
            except Exception as error:  # no inotify left, a folder gone between two looks: looking always works
                if not complained:
                    structlog.get_logger().warning("files are looked at, not watched", error=str(error))
                complained = True
                self._stop_event.wait(self._poll)
                self._compare()

    def _watch(self, here: Places) -> None:
        """Until the folders to watch are others."""
        if not here:
            self._stop_event.wait(self._poll)
            self._compare()
            return
        for _ in watchfiles.watch(
            *(path for path, _, _ in here),
            watch_filter=None,
            debounce=_STEP,
            step=_STEP,
            rust_timeout=int(self._poll * 1000),
            yield_on_timeout=True,
            stop_event=self._stop_event,
            raise_interrupt=False,
            recursive=False,
        ):
            self._compare()
            if places(self._files()) != here:
                return

    def _compare(self) -> None:
        found = self._looker.look(self._files())
        if found != self._seen:
            self._seen = found
            self._changed()
