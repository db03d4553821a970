"""Sessions end after an hour without a request or when there are too many; wrong logins lead to a ban."""

from __future__ import annotations

from itertools import count

import pytest

from reconciler.web.gateway.sessions import (
    BAN_SECONDS,
    MAX_FAILURES,
    MAX_LOGIN_BURST,
    MAX_PEERS,
    MAX_SESSIONS,
    MAX_SESSIONS_OF_PEER,
    SESSION_TIMEOUT,
    LoginLimits,
    SessionStore,
    normalize_peer,
)
from tests.support.fake_time import FakeTime


@pytest.fixture
def time() -> FakeTime:
    """A clock that stands still."""
    return FakeTime()


@pytest.fixture
def store(time: FakeTime) -> SessionStore:
    """No session yet; their ids are 1, 2, 3, …"""
    numbers = count(1)
    return SessionStore(time.clock.now, lambda: str(next(numbers)))


@pytest.fixture
def limits(time: FakeTime) -> LoginLimits:
    """Nobody has logged in yet."""
    return LoginLimits(time.clock.now)


def test_a_session_lasts_for_an_hour_after_its_last_request(store: SessionStore, time: FakeTime) -> None:
    session = store.start("a")
    for _ in range(3):
        time.moment += SESSION_TIMEOUT - 1
        assert store.use(session.id) is session
    time.moment += SESSION_TIMEOUT + 1
    assert store.use(session.id) is None
    assert store.use("unknown") is None


def test_a_session_ends_with_its_logout_and_with_all(store: SessionStore) -> None:
    first, second = store.start("a"), store.start("a")
    store.end(first)
    assert (store.use(first.id), store.use(second.id)) == (None, second)
    store.end_all()
    assert store.use(second.id) is None


def test_too_many_sessions_of_a_peer_end_first_those_of_clients_without_cookies(store: SessionStore) -> None:
    kept = store.start("a")
    store.use(kept.id)
    unused = [store.start("a") for _ in range(MAX_SESSIONS_OF_PEER - 1)]
    other = store.start("b")
    assert store.start("a")
    assert store.use(unused[0].id) is None
    assert all(store.use(session.id) for session in (kept, other, *unused[1:]))
    store.start("a")  # the one from before, which is not used again, makes room for this one
    store.start("a")
    assert all(store.use(session.id) for session in (kept, other, *unused[1:]))


def test_the_session_used_longest_ago_makes_room(store: SessionStore) -> None:
    sessions = [store.start("a") for _ in range(MAX_SESSIONS_OF_PEER)]
    for session in reversed(sessions):
        store.use(session.id)
    store.start("a")
    assert store.use(sessions[-1].id) is None
    assert store.use(sessions[0].id)


def test_the_number_of_sessions_is_limited_in_all(store: SessionStore) -> None:
    sessions = [store.start(str(number)) for number in range(MAX_SESSIONS + 3)]
    assert [bool(store.use(session.id)) for session in sessions[:5]] == [False, False, False, True, True]


def test_the_fifth_wrong_login_bans_for_an_hour(limits: LoginLimits, time: FakeTime) -> None:
    assert [limits.count_failure("a") for _ in range(MAX_FAILURES - 1)] == [1, 2, 3, 4]
    assert not limits.is_banned("a")
    limits.count_failure("a")
    assert limits.is_banned("a")
    assert not limits.is_banned("b")
    time.moment += BAN_SECONDS - 1
    assert limits.is_banned("a")
    time.moment += 1
    assert not limits.is_banned("a")
    assert limits.count_failure("a") == 1


def test_a_right_login_forgets_wrong_ones(limits: LoginLimits) -> None:
    limits.count_failure("a")
    limits.forget_failures("a")
    assert limits.count_failure("a") == 1


def test_logins_are_limited_in_number_and_possible_again_later(limits: LoginLimits, time: FakeTime) -> None:
    assert all(limits.admit("a") for _ in range(int(MAX_LOGIN_BURST)))
    assert not limits.admit("a")
    assert limits.admit("b")
    time.moment += 1
    assert limits.admit("a")


def test_the_number_of_remembered_peers_is_limited(limits: LoginLimits) -> None:
    limits.count_failure("first")
    for number in range(MAX_PEERS):
        limits.count_failure(str(number))
    assert limits.count_failure("first") == 1


@pytest.mark.parametrize(
    ("host", "peer"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", ""),
    ],
)
def test_peers_are_compared_in_one_form(host: str, peer: str) -> None:
    assert normalize_peer(host) == peer
