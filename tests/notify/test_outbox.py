"""Delivery: never blocks, is tried again, and is logged if it fails."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.notification import Notification
from reconciler.model.secret import Secret
from reconciler.notify import make_sender
from reconciler.notify.outbox import MAX_QUEUED, Outbox, Sender
from tests.notify.conftest import LETTER, Log, Stuck
from tests.support.inbox import Inbox
from tests.support.raw import RawClient


def hook(inbox: Inbox) -> Sender:
    return make_sender(Secret(inbox.url))


def test_transient_failure_is_retried(inbox: Inbox, log: Log) -> None:
    inbox.next_statuses = [500, 503]
    outbox = Outbox(hook(inbox), retry_delays=(0.01, 0.01))
    outbox.put(LETTER)
    outbox.put(replace(LETTER, document=b'{"number": 2}'))
    RawClient.wait_until(lambda: len(inbox.posts) == 4)
    assert [post.json for post in inbox.posts[2:]] == [inbox.posts[0].json, {"number": 2}], "in order"
    outbox.close(5)
    assert log == []


def test_undelivered_notification_is_logged_and_the_next_is_sent(inbox: Inbox, log: Log) -> None:
    inbox.next_statuses = [500, 500, 500, 404]
    outbox = Outbox(hook(inbox), retry_delays=(0.01, 0.01))
    for _ in range(3):
        outbox.put(LETTER)
    RawClient.wait_until(lambda: len(inbox.posts) == 5)
    outbox.close(5)
    where = {"address": f"http://{inbox.address}", "event": "a notification was not delivered", "log_level": "error"}
    assert log == [{**where, "reason": "it answered 500"}, {**where, "reason": "it answered 404"}]


class Odd:
    """An address whose library raises something with a secret in it."""

    label = "odd://"

    def send(self, letter: Notification) -> None:
        raise RuntimeError("odd://s3cret")


def test_an_error_of_a_library_is_not_quoted(log: Log) -> None:
    outbox = Outbox(Odd())
    outbox.put(LETTER)
    RawClient.wait_until(lambda: bool(log))
    outbox.close(5)
    assert [line["reason"] for line in log] == ["RuntimeError"]


def test_full_outbox_drops_the_oldest_and_logs_it(log: Log) -> None:
    stuck = Stuck()
    outbox = Outbox(stuck)
    letters = [replace(LETTER, title=str(number)) for number in range(MAX_QUEUED + 3)]
    outbox.put(letters[0])
    assert stuck.begun.wait(10)
    for letter in letters[1:]:
        outbox.put(letter)
    assert [line["event"] for line in log] == ["a notification is lost: too many wait for this address"] * 2
    outbox.close(0.01)
    assert (log[-1]["event"], log[-1]["lost"]) == (
        "notifications are lost: this address does not answer, and the watch ends",
        MAX_QUEUED + 1,
    )
    stuck.free.set()
    outbox.close(10)
    assert stuck.sent == [letters[0], *letters[3:]]


def test_closing_gives_one_attempt_without_delays(inbox: Inbox, log: Log) -> None:
    inbox.next_statuses = [500, 500]
    outbox = Outbox(hook(inbox), retry_delays=(600.0,))
    for _ in range(3):
        outbox.put(LETTER)
    RawClient.wait_until(lambda: len(inbox.posts) == 1)
    outbox.close(10)
    assert len(inbox.posts) == 3
    assert [line["reason"] for line in log] == ["it answered 500"] * 2
