"""The listener that sends notifications, and the URLs that it accepts."""

from __future__ import annotations

import builtins
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.engine.events import Backoff, FinishedRun
from reconciler.model.desired import DesiredState
from reconciler.model.run import Run, RunMode
from reconciler.model.secret import Secret
from reconciler.notify import InvalidNotificationUrl, Notifier, make_sender
from reconciler.notify.webhook import WebhookSender
from reconciler.report.notification import build_notification
from tests.notify.conftest import LETTER, Log, Stuck
from tests.support.desired_yaml import HEAD, load_text
from tests.support.example_runs import PLAN_HASH, applied
from tests.support.inbox import Inbox
from tests.support.raw import RawClient

BAD = [
    ("", "an address is a URL"),
    ("hooks.example/s3cret", "an address is a URL"),
    ("https://hooks.example/a s3cret", "an address is a URL"),
    ("https://", "an address is a URL"),
    ("https://?s3cret", "https://… is not a usable URL"),
    ("https://:80/s3cret", "https://… is not a usable URL"),
    ("https://host:s3cret/x", "https://… is not a usable URL"),
    ("https://[s3cret/x", "https://… is not a usable URL"),
    ("https://hóst/s3cret", "https://… is not a usable URL"),
    ("bogus://s3cret", "bogus://… apprise does not understand this address"),
    ("mailto://s3cret", "mailto://… apprise does not understand this address"),
]


@pytest.mark.parametrize(("url", "message"), BAD)
def test_invalid_url_is_reported_without_quoting_it(
    url: str, message: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(InvalidNotificationUrl) as caught:
        make_sender(Secret(url))
    assert str(caught.value).startswith(message)
    printed = "".join(capsys.readouterr())
    assert "s3cret" not in str(caught.value) + caplog.text + printed


def test_without_apprise_the_extra_is_named_and_the_webhook_works(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "apprise":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InvalidNotificationUrl, match=r'pip install "qbt-reconciler\[notifications\]"'):
        make_sender(Secret("discord://id/s3cret"))
    make_sender(Secret(inbox.url)).send(LETTER)
    assert len(inbox.posts) == 1


@pytest.fixture
def desired(tmp_path: Path) -> DesiredState:
    """A desired state with one instance, `home`."""
    return load_text(tmp_path, HEAD)


def test_hanging_address_delays_neither_the_loop_nor_another(inbox: Inbox, log: Log, desired: DesiredState) -> None:
    stuck = Stuck()
    notifier = Notifier([stuck, make_sender(Secret(inbox.url))], build_notification, interval=60)
    notifier.on_run_start(desired)
    notifier.on_run_end(FinishedRun(applied(), "files", datetime(2026, 1, 1, tzinfo=UTC), 1.0))
    notifier.on_run_end(
        FinishedRun(Run(RunMode.APPLY, PLAN_HASH, 0), "interval", datetime(2026, 1, 1, tzinfo=UTC), 1.0)
    )
    RawClient.wait_until(lambda: len(inbox.posts) == 1)
    assert inbox.events == [["changed"]]
    notifier.close()
    assert [(line["address"], line["lost"]) for line in log] == [("stuck://", 1)]
    stuck.free.set()


def test_issue_has_to_last_a_minute_or_a_shorter_interval(inbox: Inbox, desired: DesiredState) -> None:
    nothing = Run(RunMode.APPLY, PLAN_HASH, 1)
    for interval, said in ((1.0, 1), (3600.0, 0)):
        inbox.posts.clear()
        notifier = Notifier([make_sender(Secret(inbox.url))], build_notification, interval)
        notifier.on_run_start(desired)
        for second in range(4):
            began = datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)
            waiting = {"home": Backoff(second + 1, "no connection", began)}
            notifier.on_run_end(FinishedRun(nothing, "interval", began, 0.1, backoffs=waiting))
        notifier.close()
        assert len(inbox.posts) == said


def test_http_and_https_are_a_webhook_whatever_their_case() -> None:
    senders = [make_sender(Secret(url)) for url in ("http://host/x", " HTTPS://host:8443/x\n")]
    assert [type(sender) for sender in senders] == [WebhookSender, WebhookSender]
    assert [sender.label for sender in senders] == ["http://host", "https://host:8443"]
