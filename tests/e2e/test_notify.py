"""Notifications of a watch: on a real server, over real HTTP, one message for each event."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.support.home import Home, make_entry
from tests.support.inbox import Inbox
from tests.support.magnets import make_infohash
from tests.support.raw import RawClient
from tests.support.watch_process import start_watch

DOCS = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """The service that receives the notifications."""
    with Inbox() as inbox:
        yield inbox


@pytest.fixture
def declared_home(home: Home, any_server: QbittorrentServer) -> Home:
    """A folder with the instance `box`."""
    home.add_instance(any_server.url, any_server.username, any_server.password)
    home.write(make_entry(1), make_entry(2))
    return home


def test_each_event_is_one_notification(declared_home: Home, any_server: QbittorrentServer, inbox: Inbox) -> None:
    secrets = declared_home.folder / "urls"
    secrets.write_text(f"# two of them\n{inbox.url}\n\njson://user:pa55word@{inbox.address}/apprise\n")
    with start_watch(declared_home, "--notify-file", "urls") as watch:

        def messages(count: int) -> None:
            watch.wait_until(lambda: len(inbox.posts) >= 2 * count, within=60)

        messages(1)  # two added
        declared_home.write()  # refused: nothing is declared any more
        messages(2)
        declared_home.write(make_entry(1), make_entry(2), make_entry(3))  # corrected, and a change in the same run
        messages(3)
        any_server.kill()
        messages(4)  # down for several tries and an interval
        any_server.start()
        messages(5)
        declared_home.file.write_text(declared_home.file.read_text() + "bogus: 1\n")
        messages(6)
        assert watch.stop() < 20
    hooks = [post.json for post in inbox.posts if post.path.startswith("/hooks/")]
    assert [document["events"] for document in hooks] == [
        ["changed"],
        ["refused"],
        ["recovered", "changed"],
        ["failing"],
        ["recovered"],
        ["failing"],
    ]
    assert hooks[0]["changes"]["add"] == 2 and hooks[2]["changes"]["add"] == 1
    (refused,), (down,), (back,), (invalid,) = (
        hooks[1]["troubles"], hooks[3]["troubles"], hooks[4]["recovered"], hooks[5]["troubles"]
    )  # fmt: skip
    assert refused["about"] == "guard" and hooks[1]["plan_hash"] in hooks[1]["text"]
    assert (down["about"], down["instance"]) == ("instance", "box") and down["tries"] >= 3
    assert back["about"] == "instance" and "box is back" in hooks[4]["text"]
    assert invalid["about"] == "files" and "bogus" in invalid["reason"]
    assert set(hooks[0]) == {key for key in hooks[0] if f"`{key}`" in DOCS} | {"format_version"}

    over_apprise = [post.json for post in inbox.posts if post.path == "/apprise"]
    assert [(sent["title"], sent["message"]) for sent in over_apprise] == [
        (hook["title"], hook["text"]) for hook in hooks
    ]
    for secret in ("s3cret", "t0ken", "pa55word", any_server.password):
        assert not watch.has_logged(secret)
        assert not any(secret in str(document) for document in hooks)
    assert not watch.has_logged("notification"), "all were delivered"


def test_a_failed_delivery_delays_nothing_and_is_reported(
    declared_home: Home, any_server: QbittorrentServer, inbox: Inbox
) -> None:
    inbox.is_silent = True
    declared_home.environ["RECONCILE_NOTIFY"] = f"{inbox.url} http://127.0.0.1:9/s3cret"
    with start_watch(declared_home) as watch:
        watch.wait_until(lambda: len(inbox.posts) == 1)
        declared_home.write(make_entry(1), make_entry(2), make_entry(3))
        watch.wait_until(lambda: make_infohash(3) in RawClient(any_server).list_torrents())
        assert watch.stop() < 20
    assert watch.process.exit_code == 0
    events = {line["event"]: line for line in watch.log if "notification" in line["event"]}
    assert events["notifications are lost: this address does not answer, and the watch ends"]["lost"] == 2
    assert events["a notification was not delivered"]["reason"] == "no answer: Connection refused"
    assert not watch.has_logged("s3cret")
