"""The memory of logins that were not accepted: who may log in, and when."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reconciler.model.desired import Instance
from reconciler.model.errors import (
    AuthenticationError,
    BannedError,
    BrokenResponseError,
    InstanceError,
    LoginPostponedError,
    MissingCredentialsError,
    RejectedError,
    ResponseTimeoutError,
    ServerFaultError,
    StopRequested,
    TlsError,
    UnexpectedReplyError,
    UnreachableError,
)
from reconciler.model.login import LoginRecord
from reconciler.model.position import Position
from reconciler.model.secret import Secret
from reconciler.qbittorrent import LoginMemory, logins
from tests.support.fake_time import EPOCH, FakeTime
from tests.support.raw import RawClient

BOX = Instance("box", Position("desired.yaml", 4, 3), "http://box", "admin", Secret("wrong"))


class MemoryStore:
    """A store that other processes see too; with `is_broken`, like a folder that cannot be written."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, Secret], LoginRecord] = {}
        self.writes = 0
        self.is_broken = False

    def read_login(self, url: str, credentials: Secret) -> LoginRecord | None:
        return self.records.get((url, credentials))

    def save_login(self, url: str, credentials: Secret, record: LoginRecord) -> bool:
        if not self.is_broken:
            self.writes += 1
            self.records[url, credentials] = record
        return not self.is_broken

    def accept_logins(self, url: str, at: datetime) -> None:
        for key, record in self.records.items():
            if key[0] == url and record.failures and not self.is_broken:
                self.writes += 1
                self.records[key] = LoginRecord(0, False, at)


class World:
    """A store and simulated time, and processes that log in."""

    def __init__(self) -> None:
        self.time = FakeTime()
        self.store = MemoryStore()

    def start_process(self, *, with_store: bool = True, is_requested: bool = False) -> LoginMemory:
        clock = self.time.clock
        store = self.store if with_store else None
        return LoginMemory(store, is_requested=is_requested, now=clock.now, utc=clock.utc)


@pytest.fixture
def world() -> World:
    return World()


def log_in(memory: LoginMemory, error: Exception | None = None, instance: Instance = BOX) -> None:
    """Send a login that ends with an error, or is accepted."""
    try:
        with memory.track_login(instance):
            if error:
                raise error
    except (InstanceError, StopRequested):
        assert error


def can_log_in(memory: LoginMemory, instance: Instance = BOX) -> bool:
    try:
        memory.check_login(instance)
    except InstanceError:
        return False
    return True


LOST = ServerFaultError("box: 502")
REFUSED = AuthenticationError("box: refused")


def test_an_accepted_login_writes_nothing(world: World) -> None:
    memory = world.start_process()
    for _ in range(3):
        assert memory.check_login(BOX) is False
        log_in(memory)
    assert world.store.writes == 0


@pytest.mark.parametrize("with_store", [True, False])
def test_refused_credentials_are_not_sent_again_until_they_change(world: World, with_store: bool) -> None:
    memory = world.start_process(with_store=with_store)
    log_in(memory, REFUSED)
    world.time.pass_(10**7)
    with pytest.raises(AuthenticationError, match=r"refused on 2026-.* UTC.*reconcile doctor.* --retry-login"):
        memory.check_login(BOX)
    assert can_log_in(world.start_process()) is not with_store, "other processes know it from the store"
    for changed in (
        replace(BOX, password=Secret("right")),
        replace(BOX, username="me"),
        replace(BOX, url="http://other"),
    ):
        assert can_log_in(memory, changed)
    assert not can_log_in(memory, replace(BOX, name="other", pool_size=4)), "the same credentials at the same server"


def test_a_person_who_asks_gets_one_login(world: World) -> None:
    log_in(world.start_process(), REFUSED)
    asked = world.start_process(is_requested=True)
    assert asked.check_login(BOX) is False
    log_in(asked, UnreachableError("box: down"))
    assert can_log_in(asked), "nothing was sent"
    log_in(asked, REFUSED)
    assert not can_log_in(asked)


def test_an_accepted_login_ends_the_refusal_for_every_process(world: World) -> None:
    watch = world.start_process()
    log_in(watch, REFUSED)
    assert not can_log_in(watch)
    log_in(world.start_process(is_requested=True))
    assert watch.check_login(BOX) is False


@pytest.mark.parametrize("with_store", [True, False])
def test_an_accepted_login_makes_the_server_forget_other_refusals(world: World, with_store: bool) -> None:
    memory, other = world.start_process(with_store=with_store), replace(BOX, password=Secret("other"))
    log_in(memory, REFUSED)
    log_in(memory, None, other)
    assert can_log_in(memory), "a password that was right before, and is so again"
    log_in(memory, REFUSED)
    log_in(memory, REFUSED, other)
    assert not can_log_in(memory) and not can_log_in(memory, other)


@pytest.mark.parametrize(
    "error",
    [
        ServerFaultError("502"),
        ResponseTimeoutError("no answer"),
        BrokenResponseError("cut"),
        UnexpectedReplyError("a page"),
        RejectedError("403, a page", 403),
    ],
)
def test_a_login_without_an_answer_counts_and_is_not_repeated_blindly(world: World, error: InstanceError) -> None:
    memory = world.start_process()
    log_in(memory, error)
    assert not error.transient
    assert memory.check_login(BOX) is True
    assert world.start_process().check_login(BOX) is True
    log_in(memory)
    assert memory.check_login(BOX) is False
    assert world.start_process().check_login(BOX) is False


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("down"),
        TlsError("certificate"),
        StopRequested("stopped"),
        BannedError("banned"),
        MissingCredentialsError("none"),
        InstanceError("no request can be made"),
    ],
)
def test_a_login_that_nobody_judged_counts_for_nothing(world: World, error: Exception) -> None:
    memory = world.start_process()
    for _ in range(9):
        log_in(memory, error)
        assert memory.check_login(BOX) is False
    assert world.store.writes == 0


def test_one_process_waits_longer_after_each_unanswered_login(world: World) -> None:
    memory, sent_at = world.start_process(), []
    for second in range(3 * 3600):
        if can_log_in(memory):
            sent_at.append(second)
            log_in(memory, LOST)
        world.time.pass_(1)
    assert sent_at == [0, 1, 61, 3661]
    with pytest.raises(AuthenticationError, match="4 logins in a row were not answered"):
        memory.check_login(BOX)


def test_many_processes_send_at_most_four_unanswered_logins(world: World) -> None:
    for number in range(20):
        memory = world.start_process()
        assert can_log_in(memory) is (number < 4)
        if number < 4:
            log_in(memory, LOST)
    asked = world.start_process(is_requested=True)
    assert asked.check_login(BOX) is True
    log_in(asked)
    assert can_log_in(world.start_process())


def test_it_says_until_when_a_login_is_postponed(world: World) -> None:
    memory = world.start_process()
    for _ in range(2):
        log_in(memory, LOST)
    with pytest.raises(LoginPostponedError, match="only after 60 s"):
        memory.check_login(BOX)


def test_a_refusal_is_not_forgotten_because_a_later_login_is_not_answered(world: World) -> None:
    log_in(world.start_process(), REFUSED)
    log_in(world.start_process(is_requested=True), LOST)
    assert not can_log_in(world.start_process())


def test_a_store_that_cannot_be_written_does_not_matter_to_its_own_process(world: World) -> None:
    memory = world.start_process()
    log_in(memory, LOST)
    world.store.is_broken = True
    log_in(memory, REFUSED)
    assert not can_log_in(memory)
    world.store.is_broken = False
    world.store.records.clear()
    assert not can_log_in(memory), "nor does a journal that somebody deletes"


def test_a_process_that_is_killed_during_a_login_leaves_a_trace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "ANSWER_DUE", 0.01)
    memory = world.start_process()
    with memory.track_login(BOX):
        RawClient.wait_until(lambda: world.store.writes > 0)
        assert world.start_process().check_login(BOX) is True
    assert world.start_process().check_login(BOX) is False, "it was answered after all"


def test_records_are_made_by_hand_too(world: World) -> None:
    memory = world.start_process()
    memory.record_acceptance(BOX)
    assert world.store.writes == 0
    world.time.pass_(90)
    memory.record_refusal(BOX)
    (record,) = world.store.records.values()
    assert record == LoginRecord(1, True, EPOCH + timedelta(seconds=90))
    memory.record_acceptance(BOX)
    assert can_log_in(memory)


def begin_logins(stack: ExitStack, memory: LoginMemory) -> None:
    """Begin as many logins as a host gets at a time, on servers that share it, and do not end them."""
    for number in range(logins.LOGINS_PER_HOST):
        stack.enter_context(memory.track_login(replace(BOX, url=f"http://box:{8080 + number}")))


def test_a_host_gets_a_few_logins_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "TURN_DUE", 60.0)
    memory = world.start_process(with_store=False)
    events: list[str] = []

    def log_in_later() -> None:
        with memory.track_login(BOX):
            events.append("begins")

    with ExitStack() as stack:
        begin_logins(stack, memory)
        log_in(memory, instance=replace(BOX, url="http://attic"))
        waiting = threading.Thread(target=log_in_later)
        waiting.start()
        events.append("others end")
    waiting.join(20)
    assert events == ["others end", "begins"], "another host was not waited for"


def test_logins_that_hang_do_not_keep_others_from_their_host(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "TURN_DUE", 0.01)
    memory = world.start_process(with_store=False)
    with ExitStack() as stack:
        begin_logins(stack, memory)
        log_in(memory)
        log_in(memory, REFUSED)
    assert not can_log_in(memory)
