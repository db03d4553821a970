"""Notifications over apprise, to a real server on loopback."""

from __future__ import annotations

import logging

import pytest

from reconciler.model.secret import Secret
from reconciler.notify import make_sender
from reconciler.notify.apprise_sender import AppriseSender
from reconciler.notify.outbox import DeliveryError
from tests.notify.conftest import LETTER
from tests.support.inbox import Inbox


def test_apprise_delivers_title_and_text(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    way = make_sender(Secret(f"json://user:s3cret@{inbox.address}/hooks"))
    with caplog.at_level(logging.DEBUG):
        way.send(LETTER)
    (post,) = inbox.posts
    assert post.path == "/hooks"
    assert (post.json["title"], post.json["message"]) == (LETTER.title, LETTER.text)
    assert way.label == "json://"
    inbox.next_statuses = [500]
    with caplog.at_level(logging.DEBUG), pytest.raises(DeliveryError, match="apprise could not deliver it"):
        way.send(LETTER)
    assert "s3cret" not in caplog.text


def test_a_failed_delivery_may_be_tried_again(inbox: Inbox) -> None:
    inbox.next_statuses = [500]
    with pytest.raises(DeliveryError) as caught:
        AppriseSender(Secret(f"json://{inbox.address}"), "json").send(LETTER)
    assert caught.value.transient


def test_a_scheme_that_apprise_does_not_support_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^apprise does not understand this address$"):
        AppriseSender(Secret("bogus://s3cret"), "bogus")
