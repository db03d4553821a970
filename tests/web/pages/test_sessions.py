"""The sessions of the pages: how they begin and end, and what wrong tokens lead to."""

from __future__ import annotations

from itertools import count

import pytest

from reconciler.model.secret import Secret
from reconciler.web.gateway.sessions import BAN_SECONDS, MAX_LOGIN_BURST
from reconciler.web.pages.sessions import MAX_SESSIONS, SESSION_SECONDS, PageSession, PageSessions, Refused
from tests.support.fake_time import FakeTime

TOKEN, OTHER = Secret("a-token-of-a-good-length"), Secret("another-token-as-good")
PEER = "192.0.2.7"


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def sessions(time: FakeTime) -> PageSessions:
    numbers = count()
    return PageSessions(time.clock.now, lambda: f"id-{next(numbers):06}")


def sign_in(sessions: PageSessions, given: str = TOKEN.reveal(), peer: str = PEER) -> PageSession | Refused:
    return sessions.sign_in(peer, given, TOKEN)


def test_a_session_begins_with_the_token_and_lasts_for_twelve_hours(sessions: PageSessions, time: FakeTime) -> None:
    session = sign_in(sessions)
    assert isinstance(session, PageSession) and session.csrf != session.id
    assert TOKEN.reveal() not in repr(session)
    time.moment = SESSION_SECONDS - 1
    assert sessions.find(session.id, TOKEN) is session
    time.moment = SESSION_SECONDS
    assert sessions.find(session.id, TOKEN) is None


def test_a_session_ends_by_hand_and_with_another_token(sessions: PageSessions) -> None:
    first, second = sign_in(sessions), sign_in(sessions)
    assert isinstance(first, PageSession) and isinstance(second, PageSession)
    sessions.end(first.id)
    assert sessions.find(first.id, TOKEN) is None and sessions.find(second.id, TOKEN) is second
    assert sessions.find(second.id, OTHER) is None
    assert sessions.find(second.id, TOKEN) is None, "also if the old token comes back"


@pytest.mark.parametrize("given", ["", "a-token-of-a-good-lengt", "a-token-of-a-good-length ", "ä", "\udc80"])
def test_a_wrong_token_begins_no_session(sessions: PageSessions, given: str) -> None:
    assert sign_in(sessions, given) is Refused.WRONG


def test_the_fifth_wrong_token_in_a_row_locks_its_address_out_for_an_hour(
    sessions: PageSessions, time: FakeTime
) -> None:
    for _ in range(4):
        assert sign_in(sessions, "wrong") is Refused.WRONG
    assert isinstance(sign_in(sessions), PageSession), "a right one begins to count again"
    results = [sign_in(sessions, "wrong") for _ in range(5)]
    assert results == [*[Refused.WRONG] * 4, Refused.BANNED]
    assert sign_in(sessions) is Refused.BANNED
    assert isinstance(sign_in(sessions, peer="192.0.2.8"), PageSession)
    time.moment = BAN_SECONDS
    assert isinstance(sign_in(sessions), PageSession)


def test_very_many_sign_ins_are_too_many(sessions: PageSessions) -> None:
    for _ in range(int(MAX_LOGIN_BURST)):
        assert isinstance(sign_in(sessions), PageSession)
    assert sign_in(sessions) is Refused.TOO_MANY


def test_the_oldest_of_too_many_sessions_ends(sessions: PageSessions) -> None:
    first = sign_in(sessions, peer="first")
    for number in range(MAX_SESSIONS):
        sign_in(sessions, peer=str(number))
    assert isinstance(first, PageSession) and sessions.find(first.id, TOKEN) is None
