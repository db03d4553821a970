"""Sessions that stay open between runs, so that an instance needs one login for as long as it works."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from reconciler.engine.concurrency import map_instances
from reconciler.engine.observation import OpenTarget, SessionFactory
from reconciler.engine.session_key import session_key
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError, RejectedError, UnsupportedError

_HARMLESS_ERRORS = (RejectedError, UnsupportedError)  # the instance itself works


class SessionPool:
    """Gives open targets to runs. A session that raised an `InstanceError` is closed, and opened again next time."""

    def __init__(self, connect: SessionFactory) -> None:
        self._connect = connect
        self._sessions: dict[str, _PooledSession] = {}

    def connect(self, instance: Instance, stop: threading.Event) -> OpenTarget:
        """Return the target of an instance, already open if possible. This is a `SessionFactory`."""
        session = self._sessions.get(instance.name)
        if session is None or session.is_closed or not session.fits(instance):
            if session:
                session.close()
            session = self._sessions[instance.name] = _PooledSession(self._connect(instance, stop), instance)
        return cast("OpenTarget", _BorrowedTarget(session))

    def close_stale(self, instances: Mapping[str, Instance]) -> None:
        """Log out of instances that are no longer declared, or have another URL or other credentials now."""
        stale = [
            name
            for name, session in self._sessions.items()
            if name not in instances or not session.fits(instances[name])
        ]
        self._close_sessions(stale)

    def close(self) -> None:
        """Log out everywhere."""
        self._close_sessions(list(self._sessions))

    def _close_sessions(self, names: list[str]) -> None:
        sessions = {name: self._sessions[name] for name in names}
        map_instances(sessions, lambda name: sessions[name].close(), "logging out of")
        for name in names:
            self._sessions.pop(name, None)


@dataclass(slots=True)
class _PooledSession:
    """A session that is kept from run to run."""

    target: OpenTarget
    instance: Instance  # as it was declared last
    is_open: bool = False
    is_broken: bool = False
    is_closed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fits(self, instance: Instance) -> bool:
        """Return True if a session for `instance` has the same URL, credentials and settings."""
        if instance is not self.instance and session_key(instance) == session_key(self.instance):
            self.instance = instance  # between two loads it is the same object
        return instance is self.instance

    def close(self) -> None:
        with self.lock:
            was_closed, self.is_closed = self.is_closed, True
        if not was_closed:
            self.target.close()


class _BorrowedTarget:
    """A pooled target for one run: `open` logs in only if needed, and `close` logs out only after an error."""

    def __init__(self, session: _PooledSession) -> None:
        self._session = session
        self._requests_before = session.target.request_count

    @property
    def request_count(self) -> int:
        """The number of HTTP requests that this run has sent."""
        return self._session.target.request_count - self._requests_before

    def open(self) -> None:
        """Log in, unless the session is open."""
        if not self._session.is_open:
            self._track_errors(self._session.target.open)()
            self._session.is_open = True

    def close(self) -> None:
        """Log out if a request failed; otherwise stay logged in."""
        if self._session.is_broken:
            self._session.close()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._session.target, name)
        return self._track_errors(value) if callable(value) else value

    def _track_errors(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def call_and_track(*args: Any, **kwargs: Any) -> Any:
            try:
                return call(*args, **kwargs)
            except InstanceError as error:
                self._session.is_broken = self._session.is_broken or not isinstance(error, _HARMLESS_ERRORS)
                raise

        return call_and_track
