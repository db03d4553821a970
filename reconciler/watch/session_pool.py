"""Sessions that stay open between runs: one login for as long as all is well."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, cast

from reconciler.engine.concurrency import map_instances
from reconciler.engine.observation import OpenTarget, SessionFactory
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError, RejectedError, UnsupportedError
from reconciler.watch.backoff import session_key

_HARMLESS_ERRORS = (RejectedError, UnsupportedError)  # answers of an instance that is well


class SessionPool:
    """Lends targets to runs, as a `SessionFactory`. What an `InstanceError` came from is closed and opened anew next time."""

    def __init__(self, connect: SessionFactory) -> None:
        self._connect = connect
        self._sessions: dict[str, _PooledSession] = {}

    def connect(self, instance: Instance, stop: threading.Event) -> OpenTarget:
        """The target of an instance, open already where it was left so."""
        kept = self._sessions.get(instance.name)
        if kept is None or kept.is_closed or kept.session_key != session_key(instance):
            if kept:
                kept.close()
            kept = self._sessions[instance.name] = _PooledSession(self._connect(instance, stop), session_key(instance))
        return cast("OpenTarget", _Lease(kept))

    def close_stale(self, instances: Mapping[str, Instance]) -> None:
        """Log out of the instances that are not among these any more, or are reached in another way now."""
        gone = [
            n
            for n, kept in self._sessions.items()
            if n not in instances or kept.session_key != session_key(instances[n])
        ]
        self._close_sessions(gone)

    def close(self) -> None:
        """Log out everywhere."""
        self._close_sessions(list(self._sessions))

    def _close_sessions(self, names: list[str]) -> None:
        kept = {name: self._sessions[name] for name in names}
        map_instances(kept, lambda name: kept[name].close())
        for name in names:
            self._sessions.pop(name, None)


@dataclass(slots=True)
class _PooledSession:
    target: OpenTarget
    session_key: Instance
    is_open: bool = False
    is_broken: bool = False
    is_closed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        with self.lock:
            gone, self.is_closed = self.is_closed, True
        if not gone:
            self.target.close()


class _Lease:
    """A kept target for the length of a run: `is_open` and `close` do only what has to be done."""

    def __init__(self, session: _PooledSession) -> None:
        self._session = session
        self._requests_before = session.target.request_count

    @property
    def request_count(self) -> int:
        """How many HTTP requests this run has sent."""
        return self._session.target.request_count - self._requests_before

    def open(self) -> None:
        """Log in, unless that has been done."""
        if not self._session.is_open:
            self._track_errors(self._session.target.open)()
            self._session.is_open = True

    def close(self) -> None:
        """Stay logged in, unless something went wrong."""
        if self._session.is_broken:
            self._session.close()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._session.target, name)
        return self._track_errors(found) if callable(found) else found

    def _track_errors(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def call_and_track(*args: Any, **kwargs: Any) -> Any:
            try:
                return call(*args, **kwargs)
            except InstanceError as error:
                self._session.is_broken = self._session.is_broken or not isinstance(error, _HARMLESS_ERRORS)
                raise

        return call_and_track
