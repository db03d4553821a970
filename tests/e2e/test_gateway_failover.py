"""A failover group behind the gateway: its members die, one in the middle of an add, and no client loses a torrent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conftest import MakeProxy, MakeServer
from tests.support.gateway import PASSWORD, USERNAME, ApiClient, wait_for_url
from tests.support.home import Home
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient
from tests.support.watch_process import WatchProcess, start_watch

HEAD = (
    "intake: {file: intake.yaml, instance: g}\n"
    f"gateway: {{username: {USERNAME}, password: {PASSWORD}}}\n"
    "groups: {g: {strategy: failover, members: [first, second], failover_after: 1s}}\n"
)


def test_members_die_in_the_middle_of_an_add_and_the_client_sees_its_torrents(
    make_server: MakeServer, make_proxy: MakeProxy, tmp_path: Path
) -> None:
    first, second, home = make_server(), make_server("5.3.0"), Home(tmp_path)
    proxy = make_proxy(first)
    home.add_instance(proxy.url, first.username, first.password, "first")
    home.add_instance(second.url, second.username, second.password, "second")
    home.write(head=HEAD)

    def die(handler: Any, _body: bytes) -> None:
        first.kill()
        handler.hang_up(reset=True)

    proxy.add_fault("torrents/add", die)
    with start_watch(home, "--listen", "127.0.0.1:0") as watch:
        gateway = ApiClient(wait_for_url(watch), USERNAME, PASSWORD)

        def show(number: int) -> dict[str, Any]:
            rows = gateway.get("torrents/info", hashes=make_infohash(number)).json()
            return dict(rows[0]) if rows else {}

        assert add(gateway, 1) == (200, "Ok.")
        watch.wait_until(lambda: proxy.count_requests("torrents/add") == 1)
        assert show(1), "it is shown from the answer on"
        watch.wait_until(lambda: set(RawClient(second).list_torrents()) == {make_infohash(1)})
        watch.wait_until(lambda: show(1)["state"] == "metaDL")
        second.kill()
        assert add(gateway, 2) == (200, "Ok.")
        watch.wait_until(lambda: show(1)["state"] == show(2)["state"] == "queuedDL")
        watch.wait_until(lambda: "second" in show(1)["comment"] and "second" in show(2)["comment"])
        watch.wait_until(lambda: has_reported_pending(watch, make_infohash(2)))
        second.start()
        home.file.write_text(home.file.read_text().replace("read: 20s", "read: 21s"))  # ends the back-off at once
        both = {make_infohash(1), make_infohash(2)}
        watch.wait_until(lambda: set(RawClient(second).list_torrents()) == both)
        watch.wait_until(lambda: show(2)["state"] == "metaDL")
        watch.stop()


def has_reported_pending(watch: WatchProcess, infohash: str) -> bool:
    rows = (row for report in watch.reports for row in report["pending"])
    return any(row["infohash"] == infohash and "no member can take it" in row["reason"] for row in rows)


def add(gateway: ApiClient, number: int) -> tuple[int, str]:
    answer = gateway.post("torrents/add", urls=make_magnet(number))
    return answer.status_code, answer.text
