"""Sessions that stay open between runs: one login for as long as all is well."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, cast

from reconciler.engine.observe import each
from reconciler.engine.reading import Connect, OpenTarget
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError, Rejected, Unsupported
from reconciler.watch.backoff import door

_HARMLESS = (Rejected, Unsupported)  # answers of an instance that is well


class Pool:
    """Lends targets to runs, as a `Connect`. What an `InstanceError` came from is closed and opened anew next time."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._kept: dict[str, _Kept] = {}

    def connect(self, instance: Instance, stop: threading.Event) -> OpenTarget:
        """The target of an instance, open already where it was left so."""
        kept = self._kept.get(instance.name)
        if kept is None or kept.gone or kept.door != door(instance):
            if kept:
                kept.leave()
            kept = self._kept[instance.name] = _Kept(self._connect(instance, stop), door(instance))
        return cast("OpenTarget", _Lease(kept))

    def keep(self, instances: Mapping[str, Instance]) -> None:
        """Log out of the instances that are not among these any more, or are reached in another way now."""
        gone = [n for n, kept in self._kept.items() if n not in instances or kept.door != door(instances[n])]
        self._leave(gone)

    def close(self) -> None:
        """Log out everywhere."""
        self._leave(list(self._kept))

    def _leave(self, names: list[str]) -> None:
        kept = {name: self._kept[name] for name in names}
        each(kept, lambda name: kept[name].leave())
        for name in names:
            self._kept.pop(name, None)


@dataclass(slots=True)
class _Kept:
    target: OpenTarget
    door: Instance
    open: bool = False
    broken: bool = False
    gone: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def leave(self) -> None:
        with self.lock:
            gone, self.gone = self.gone, True
        if not gone:
            self.target.close()


class _Lease:
    """A kept target for the length of a run: `open` and `close` do only what has to be done."""

    def __init__(self, kept: _Kept) -> None:
        self._kept = kept
        self._before = kept.target.requests

    @property
    def requests(self) -> int:
        """How many HTTP requests this run has sent."""
        return self._kept.target.requests - self._before

    def open(self) -> None:
        """Log in, unless that has been done."""
        if not self._kept.open:
            self._watched(self._kept.target.open)()
            self._kept.open = True

    def close(self) -> None:
        """Stay logged in, unless something went wrong."""
        if self._kept.broken:
            self._kept.leave()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._kept.target, name)
        return self._watched(found) if callable(found) else found

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def watched(*args: Any, **kwargs: Any) -> Any:
            try:
                return call(*args, **kwargs)
            except InstanceError as error:
                self._kept.broken = self._kept.broken or not isinstance(error, _HARMLESS)
                raise

        return watched
