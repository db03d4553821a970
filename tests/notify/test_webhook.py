"""From a URL to a delivery: the webhook and apprise, on a real server, and what is no address."""

from __future__ import annotations

import socket

import pytest

from reconciler.model.secret import Secret
from reconciler.notify import make_sender
from reconciler.notify.outbox import DeliveryError
from reconciler.notify.webhook import WebhookSender
from tests.notify.conftest import LETTER
from tests.support.inbox import Inbox


def test_a_webhook_posts_the_document(inbox: Inbox) -> None:
    hook = make_sender(Secret(inbox.url.replace("127.0.0.1", "us%40er:pa%3Ass@127.0.0.1")))
    hook.send(LETTER)
    (post,) = inbox.posts
    assert post.path == "/hooks/s3cret?token=t0ken"
    assert post.body == LETTER.document
    assert post.headers["Content-Type"] == "application/json"
    assert post.headers["User-Agent"].startswith("reconcile/")
    assert post.headers["Authorization"] == "Basic dXNAZXI6cGE6c3M="
    assert hook.label == f"http://{inbox.address}"
    assert "s3cret" not in repr(vars(hook))


@pytest.mark.parametrize(
    ("status", "reason", "transient"),
    [
        (400, "it answered 400", False),
        (404, "it answered 404", False),
        (307, "it answered 307, a redirect, which is not followed", False),
        (429, "it answered 429", True),
        (500, "it answered 500", True),
        (503, "it answered 503", True),
    ],
)
def test_what_a_webhook_answers(inbox: Inbox, status: int, reason: str, transient: bool) -> None:
    inbox.next_statuses = [status]
    with pytest.raises(DeliveryError) as caught:
        make_sender(Secret(inbox.url)).send(LETTER)
    assert (str(caught.value), caught.value.transient) == (reason, transient)
    assert len(inbox.posts) == 1, "a redirection is not followed"


def test_unreachable_or_silent_webhook(inbox: Inbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(DeliveryError, match=r"^no answer: Connection refused$") as caught:
        make_sender(Secret(f"http://127.0.0.1:{port}/s3cret")).send(LETTER)
    assert caught.value.transient
    inbox.is_silent = True
    with pytest.raises(DeliveryError, match=r"^no answer: TimeoutError$") as caught:
        WebhookSender(Secret(inbox.url), timeout=0.2).send(LETTER)
    assert caught.value.transient
