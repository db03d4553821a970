"""A delta follows only the reply before it, and every full reply begins a session that has not polled."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from reconciler.model.errors import (
    AuthenticationError,
    BannedError,
    BrokenResponseError,
    InstanceError,
    LoginPostponedError,
    RejectedError,
    ResponseTimeoutError,
    ServerFaultError,
    SessionLostError,
    SlowReplyError,
    UnreachableError,
)
from reconciler.model.secret import Secret
from reconciler.qbittorrent.connection import Connection
from reconciler.qbittorrent.delta_risks import DeltaRisks
from reconciler.qbittorrent.deltas import MAX_RID, NotADelta
from reconciler.qbittorrent.main_data_polls import FULL_READ_INTERVAL, MainDataPolls
from reconciler.qbittorrent.row_schemas import MainValues
from tests.support.incremental_sessions import ManualMonotonicClock
from tests.support.instances import make_instance


class StubConnection:
    """A connection whose replies of sync/maindata are given. A tuple: after a new login."""

    api_version = (2, 11, 4)

    def __init__(self, replies: list[Any], listed: tuple[str, ...] = ()) -> None:
        self.open_count, self.replies, self.listed, self.steps = 1, replies, listed, list[str]()
        self.is_cancelled = False

    def open(self) -> None:
        self.open_count += 1
        self.steps.append("open")

    def close(self) -> None:
        self.steps.append("close")

    def call(self, endpoint: str, send: Any) -> Any:
        self.steps.append(endpoint)
        return send(self)

    def read_main_values(self, rid: int) -> MainValues:
        reply = self.replies.pop(0)
        if isinstance(reply, InstanceError):
            raise reply
        if isinstance(reply, tuple):
            self.open_count += 1
            reply = reply[0]
        return cast("MainValues", reply)

    def read_torrent_rows(self, hashes: list[str]) -> list[dict[str, str]]:
        return [{"hash": key} for key in self.listed]


def make_polls(
    connection: StubConnection,
    now: ManualMonotonicClock | None = None,
    risks: DeltaRisks | None = None,
    warnings: list[str] | None = None,
    **fields: Any,
) -> MainDataPolls[MainValues]:
    return MainDataPolls(
        make_instance("http://qbt:1", **fields),
        cast("Connection", connection),
        cast("Any", lambda client, rid: client.read_main_values(rid)),
        risks or DeltaRisks(),
        now or ManualMonotonicClock(),
        ([] if warnings is None else warnings).append,
    )


@pytest.mark.parametrize(("sent", "got"), [(1, 2), (41, 42), (MAX_RID - 1, MAX_RID), (MAX_RID, 1)])
def test_the_next_reply_continues(sent: int, got: int) -> None:
    polls = make_polls(StubConnection([{"rid": sent, "full_update": True}, {"rid": got}]))
    polls.begin()
    assert polls.follow() == ({"rid": got}, False)
    assert polls.can_continue


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        (1, {"rid": 1}),
        (1, {"rid": 3}),
        (2, {"rid": 1}),
        (MAX_RID, {"rid": MAX_RID + 1}),
        (1, {"rid": 2, "full_update": True}),
    ],
)
def test_no_other_reply_does_and_the_next_full_one_has_a_session_of_its_own(sent: int, reply: Any) -> None:
    connection = StubConnection([{"rid": sent, "full_update": True}, reply, {"rid": 1, "full_update": True}])
    polls = make_polls(connection)
    polls.begin()
    with pytest.raises(NotADelta):
        polls.follow()
    assert not polls.can_continue
    polls.begin()
    assert connection.steps == ["sync/maindata", "sync/maindata", "close", "open", "sync/maindata"]


def test_a_login_within_a_poll_makes_its_reply_a_full_one_and_one_before_it_begins_again() -> None:
    full = {"rid": 1, "full_update": True}
    connection = StubConnection([full, (full,), {"rid": 2}, full])
    polls = make_polls(connection)
    polls.begin()
    assert polls.follow() == (full, True)
    assert polls.follow() == ({"rid": 2}, False)
    connection.open_count += 1  # another request had to log in
    assert not polls.can_continue
    polls.begin()
    assert "close" not in connection.steps, "that session has not polled yet"


def test_a_lost_reply_ends_the_deltas_and_its_session_has_polled() -> None:
    lost = ResponseTimeoutError("lost")
    connection = StubConnection([lost, {"rid": 1, "full_update": True}, lost])
    polls = make_polls(connection)
    assert polls.begin() is None
    polls.begin()
    assert connection.steps[1:3] == ["close", "open"]
    with pytest.raises(ResponseTimeoutError):
        polls.follow()
    assert not polls.can_continue


@pytest.mark.parametrize(
    "error",
    [
        ResponseTimeoutError("qbt: too late"),
        SlowReplyError("qbt: too late"),
        BrokenResponseError("qbt: too late"),
        ServerFaultError("qbt: too late"),
        RejectedError("qbt: too late", 403),
        InstanceError("qbt: too late"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_full_reply_that_does_not_come_is_not_asked_for_again_at_once_by_any_session(error: InstanceError) -> None:
    full, clock, risks, warnings = {"rid": 1, "full_update": True}, ManualMonotonicClock(), DeltaRisks(), list[str]()
    first = make_polls(StubConnection([error, error, full, {"rid": 2}, error]), clock, risks, warnings)
    second = make_polls(StubConnection([]), clock, risks)
    for pause in (60, 120):
        assert first.may_begin and first.begin() is None
        assert warnings.pop() == f"qbt: too late. Until it is asked again in {pause} s, every read is a full one"
        clock.time += pause - 1
        assert not (first.may_begin or second.may_begin or first.can_continue)
        clock.time += 1
    assert first.begin() == full
    first.follow()
    assert (first.may_begin, first.can_continue, warnings) == (True, True, [])
    first.begin()
    assert " 60 s" in warnings.pop(), "a delta came"


def test_a_full_reply_that_others_do_not_wait_for_is_an_error_and_not_asked_for_again_at_once() -> None:
    connection, risks = StubConnection([SlowReplyError("others waited")]), DeltaRisks()
    connection.is_cancelled = True
    with pytest.raises(SlowReplyError):
        make_polls(connection, risks=risks).begin()
    assert not make_polls(StubConnection([]), risks=risks).may_begin


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("down"),
        AuthenticationError("refused"),
        BannedError("banned"),
        LoginPostponedError("not now"),
        SessionLostError("lost"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_instance_that_cannot_be_reached_or_lets_nobody_in_is_an_error(error: InstanceError) -> None:
    warnings = list[str]()
    polls = make_polls(StubConnection([error]), warnings=warnings)
    with pytest.raises(type(error)):
        polls.begin()
    assert polls.may_begin and not warnings


def test_deltas_end_by_themselves_and_by_request() -> None:
    clock = ManualMonotonicClock()
    polls = make_polls(StubConnection([{"rid": 1, "full_update": True}]), clock)
    polls.begin()
    clock.time += FULL_READ_INTERVAL - 1
    assert polls.can_continue
    clock.time += 1
    assert not polls.can_continue
    clock.time -= 1
    polls.end()
    assert not polls.can_continue


def test_the_ids_are_kept_if_the_same_torrents_are_listed() -> None:
    assert make_polls(StubConnection([], ("a", "b"))).are_ids_kept(["b", "a"])
    assert not make_polls(StubConnection([], ("a", "c"))).are_ids_kept(["a", "b"])
    assert not make_polls(StubConnection([], ("a",))).are_ids_kept(["a", "b"])
    nobody = StubConnection([])
    assert make_polls(nobody).are_ids_kept([]) and not nobody.steps


def test_old_versions_and_api_keys_have_no_deltas() -> None:
    connection = StubConnection([])
    assert make_polls(connection).is_possible
    assert not make_polls(connection, api_key=Secret("key")).is_possible
    old = cast("StubConnection", SimpleNamespace(api_version=(2, 8, 2), open_count=1))
    assert not make_polls(old).is_possible
