"""Sessions of the gateway's clients, and the count of their wrong logins, as qBittorrent 5.1 keeps both.

See docs/decisions/0145-the-gateway-lets-clients-in-as-qbittorrent-does.md.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

SESSION_TIMEOUT: Final = 3600.0  # seconds without a request
MAX_SESSIONS: Final = 256
MAX_SESSIONS_OF_PEER: Final = 32
MAX_FAILURES: Final = 5  # wrong logins in a row, from then on a peer is banned
BAN_SECONDS: Final = 3600.0
LOGINS_PER_SECOND: Final = 5.0  # of one peer, in the long run
MAX_LOGIN_BURST: Final = 100.0
MAX_PEERS: Final = 4096  # that are remembered


class ClientSession:
    """A client that is let in. `memory`: what endpoints remember of it, by their names; it ends with the session."""

    def __init__(self, session_id: str, peer: str, started_at: float) -> None:
        self.id, self.peer, self.used_at = session_id, peer, started_at
        self.is_used_again = False
        self.memory: dict[str, Any] = {}


class SessionStore:
    """The sessions, by their ids. For one thread. `now` counts seconds; `make_id` returns an id that nobody guesses."""

    def __init__(self, now: Callable[[], float], make_id: Callable[[], str]) -> None:
        self._now, self._make_id = now, make_id
        self._sessions: OrderedDict[str, ClientSession] = OrderedDict()  # the one used last is at the end

    def start(self, peer: str) -> ClientSession:
        """Start a session for the client at an address. Where there are too many, one that is used less ends."""
        self._drop_outdated()
        of_peer = [session for session in self._sessions.values() if session.peer == peer]
        if len(of_peer) >= MAX_SESSIONS_OF_PEER:
            self.end(_least_needed(of_peer))
        elif len(self._sessions) >= MAX_SESSIONS:
            self.end(_least_needed(list(self._sessions.values())))
        session = ClientSession(self._make_id(), peer, self._now())
        self._sessions[session.id] = session
        return session

    def use(self, session_id: str) -> ClientSession | None:
        """Return the session of an id and let it last for another hour; None if there is none, or no longer."""
        session = self._sessions.get(session_id)
        if session is None:
            return None
        if self._is_outdated(session):
            self.end(session)
            return None
        session.used_at, session.is_used_again = self._now(), True
        self._sessions.move_to_end(session_id)
        return session

    def end(self, session: ClientSession) -> None:
        """End a session."""
        self._sessions.pop(session.id, None)

    def end_all(self) -> None:
        """End every session."""
        self._sessions.clear()

    def _is_outdated(self, session: ClientSession) -> bool:
        return self._now() - session.used_at > SESSION_TIMEOUT

    def _drop_outdated(self) -> None:
        while self._sessions and self._is_outdated(oldest := next(iter(self._sessions.values()))):
            self.end(oldest)


def _least_needed(sessions: list[ClientSession]) -> ClientSession:
    """Return the session that is used least: one of a client that does not keep its cookie, else the oldest."""
    return next((session for session in sessions if not session.is_used_again), sessions[0])


class LoginLimits:
    """The peers that may not log in: after five wrong logins in a row, or for now after very many. For one thread."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()  # their number, and the time of the last
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # logins that are left, and since when

    def is_banned(self, peer: str) -> bool:
        """True for an hour after the fifth wrong login."""
        count, failed_at = self._failures.get(peer, (0, 0.0))
        if count < MAX_FAILURES:
            return False
        if self._now() - failed_at < BAN_SECONDS:
            return True
        del self._failures[peer]
        return False

    def count_failure(self, peer: str) -> int:
        """Count a wrong login, and return how many there were in a row."""
        count = self._failures.pop(peer, (0, 0.0))[0] + 1
        self._failures[peer] = (count, self._now())
        _drop_oldest(self._failures)
        return count

    def forget_failures(self, peer: str) -> None:
        """Begin to count from zero, after a right login."""
        self._failures.pop(peer, None)

    def admit(self, peer: str) -> bool:
        """Count a login, right or wrong; False if it is one too many for now."""
        left, since = self._buckets.pop(peer, (MAX_LOGIN_BURST, self._now()))
        left = min(MAX_LOGIN_BURST, left + (self._now() - since) * LOGINS_PER_SECOND)
        is_admitted = left >= 1
        self._buckets[peer] = (left - is_admitted, self._now())
        _drop_oldest(self._buckets)
        return is_admitted


def _drop_oldest(by_peer: OrderedDict[str, Any]) -> None:
    if len(by_peer) > MAX_PEERS:
        by_peer.popitem(last=False)


def normalize_peer(host: str) -> str:
    """Return an address as it is compared: IPv4 also where it arrives as IPv6."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
