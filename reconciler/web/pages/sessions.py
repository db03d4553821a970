"""Sessions of the pages: each begins with the token, and lasts for hours or until the token is another one."""

from __future__ import annotations

import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import field
from enum import StrEnum
from typing import Final

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.secret import Secret
from reconciler.web.gateway.sessions import MAX_FAILURES, LoginLimits

SESSION_SECONDS: Final = 12 * 3600.0
MAX_SESSIONS: Final = 256


class Refused(StrEnum):
    """The reasons why a sign-in is refused, as sentences."""

    WRONG = "This is not the token."
    BANNED = "Five wrong tokens came from your address, so it is locked out for an hour."
    TOO_MANY = "Too many sign-ins from your address: try again in a second."


@dataclass(frozen=True, slots=True)
class PageSession:
    """A browser that is signed in. `csrf`: the value that each form of its pages carries."""

    id: str
    csrf: str
    token: Secret = field(repr=False)
    started_at: float


class PageSessions:
    """The sessions, in memory, and the count of wrong tokens. Safe from any thread.

    `now` counts seconds; `make_id` returns text that nobody guesses. `failures` of the last refused sign-in is logged.
    """

    def __init__(self, now: Callable[[], float], make_id: Callable[[], str]) -> None:
        self._now, self._make_id = now, make_id
        self._lock = threading.Lock()
        self._limits = LoginLimits(now)
        self._sessions: OrderedDict[str, PageSession] = OrderedDict()  # the oldest first
        self.cookie_name = f"reconcile_{make_id()[:8]}"  # of this process: cookies are shared by all ports of a host

    def sign_in(self, peer: str, given: str, token: Secret) -> PageSession | Refused:
        """Return a new session for the right token."""
        with self._lock:
            if self._limits.is_banned(peer):
                return Refused.BANNED
            if not self._limits.admit(peer):
                return Refused.TOO_MANY
            if not _is_same(given, token):
                is_last = self._limits.count_failure(peer) >= MAX_FAILURES
                return Refused.BANNED if is_last else Refused.WRONG
            self._limits.forget_failures(peer)
            self._drop_outdated()
            if len(self._sessions) >= MAX_SESSIONS:
                self._sessions.popitem(last=False)
            session = PageSession(self._make_id(), self._make_id(), token, self._now())
            self._sessions[session.id] = session
            return session

    def find(self, session_id: str, token: Secret) -> PageSession | None:
        """Return the session with an id; None if there is none, or the token is another one since."""
        with self._lock:
            self._drop_outdated()
            session = self._sessions.get(session_id)
            if session and not _is_same(session.token.reveal(), token):
                del self._sessions[session_id]
                return None
            return session

    def end(self, session_id: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(session_id, None)

    def _drop_outdated(self) -> None:
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if self._now() - oldest.started_at < SESSION_SECONDS:
                return
            del self._sessions[oldest.id]


def _is_same(given: str, token: Secret) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.reveal().encode())
