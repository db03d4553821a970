"""`reconcile status` while real bytes move: once, repeatedly, and waiting for completion."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.versions import INCREMENTAL_SYNC
from tests.conftest import MakeServer
from tests.support.command_line import run_on_terminal
from tests.support.commands import COMMAND, StartedCommand
from tests.support.home import Home, make_entry
from tests.support.incremental_sessions import seed_random_file
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.seeding import keep_introducing_peer, seed_torrent_slowly
from tests.support.server_builds import Build
from tests.support.torrents import make_torrent
from tests.support.watch_process import WatchProcess

SIZE = 3_000_000


@contextmanager
def looking(home: Home, *options: str, text: bool = False) -> Iterator[WatchProcess]:
    """Run `reconcile status` until the end of the block."""
    process = home.start("status", *options, *(["--output", "text"] if text else []))
    try:
        yield WatchProcess(process)
    finally:
        process.kill()


def newest(watched: WatchProcess) -> dict[str, Any]:
    """Return the first torrent of the last status."""
    return dict(watched.reports[-1]["torrents"][0]) if watched.out else {}


def test_a_download_from_its_beginning_to_its_end(
    home: Home, server: QbittorrentServer, build: Build, proxy: Proxy, make_server: MakeServer
) -> None:
    seeder = make_server()
    key = seed_torrent_slowly(seeder, 1, SIZE, rate=60_000)
    (home.folder / "t.torrent").write_bytes(make_torrent(1, size=SIZE))
    home.write("{torrent: t.torrent, category: linux, tags: [iso]}", make_entry(2, paused=True))
    assert home.run("--quiet").exit_code == 0
    proxy.clear()
    with (
        keep_introducing_peer(server, key, seeder),
        looking(home, "--watch", "--interval", "1s", "--tag", "iso") as watched,
    ):
        watched.wait_until(
            lambda: bool(
                newest(watched).get("download_rate") and newest(watched)["eta"] and newest(watched)["progress"]
            ),
            60,
        )
        assert newest(watched)["phase"] in ("downloading", "stalled")
        assert 0 < newest(watched)["progress"] < 1
        assert newest(watched)["complete"] is False
        shown = home.run_arguments("status", "--state", "downloading", "--state", "stalled")
        assert re.search(r"=  torrent-1  box       (downloading|stalled)", shown.out), shown.out
        assert "1 of 2 declared torrents: 1 " in shown.out

        late = home.run("status", "--wait", "complete", "--category", "linux", "--timeout", "1s")
        assert (late.exit_code, late.report["exit_code"], late.report["wait"]["outcome"]) == (1, 1, "timeout")
        assert "error: not complete after 1 s: torrent-1 on box: " in late.err
        assert "waiting: 0 of 1 complete · " in late.err

        RawClient(seeder).post("torrents/setUploadLimit", hashes=key, limit=0)
        done = home.run("status", "--wait", "complete", "--category", "linux", "--timeout", "90s")
        assert (done.exit_code, done.report["wait"]) == (0, {"outcome": "complete", "reasons": []}), done.err
        assert [torrent["complete"] for torrent in done.report["torrents"]] == [True]
        watched.wait_until(lambda: newest(watched)["complete"] is True)
        assert (newest(watched)["phase"], newest(watched)["eta"]) in [("seeding", None), ("queued", None)]

        if build.has(INCREMENTAL_SYNC):  # before, each look reads everything
            proxy.clear()
            count = len(watched.out)
            watched.wait_until(lambda: len(watched.out) >= count + 3)
            assert {request.endpoint for request in proxy.requests} == {"sync/maindata"}
        proxy.clear()
        watched.stop(signal.SIGINT)
        assert watched.process.exit_code == 0
        assert proxy.count_requests("auth/logout") == 1
        assert proxy.mutations == []


def test_wait_reports_torrents_that_cannot_complete(
    home: Home, any_server: QbittorrentServer, box: Proxy, tmp_path: Path
) -> None:
    lost = seed_random_file(any_server, tmp_path)
    (any_server.downloads / "seeded").unlink()
    any_server.restart()
    box.port = any_server.port
    RawClient.wait_until(lambda: RawClient(any_server).list_torrents()[lost]["state"] == "missingFiles")
    home.write(make_entry(1), f"{{infohash: {lost}, tags: [old]}}", policy="upsert")
    ran = home.run("status", "--wait", "complete", "--interval", "1s")
    assert (ran.exit_code, ran.report["wait"]["outcome"]) == (1, "failed")
    assert ran.report["wait"]["reasons"] == [
        "torrent-1 on box: not on its instance; a run of reconcile adds it",
        "seeded on box: its data is gone from disk",
    ]
    assert ran.err.endswith("adds it; seeded on box: its data is gone from disk\n")
    none = home.run("status", "--wait", "complete", "--category", "typo")
    assert (none.exit_code, none.report["torrents"]) == (1, [])
    assert "no declared torrent is selected" in none.err
    assert box.mutations == []


def test_wait_tries_rejected_credentials_once(home: Home, box: Proxy) -> None:
    home.write(make_entry(1))
    home.environ["BOX_PASSWORD"] = "wrong"
    ran = home.run("status", "--wait", "complete", "--interval", "1s")
    assert (ran.exit_code, ran.report["wait"]["outcome"]) == (1, "failed")
    assert ran.report["instances"][0]["status"] == "auth_failed"
    assert box.count_requests("auth/login") == 1


def test_wait_outlasts_a_server_that_is_down(home: Home, any_server: QbittorrentServer, box: Proxy) -> None:
    home.write(make_entry(1))
    assert home.run().exit_code == 0
    any_server.kill()
    with looking(home, "--wait", "complete", "--interval", "1s", "--log-format", "json") as waiting:
        waiting.wait_until(lambda: waiting.has_logged("box: unreachable"))
        any_server.start()
        box.port = any_server.port
        waiting.wait_until(lambda: waiting.has_logged("1 metadata") or waiting.has_logged("1 stalled"), 60)
        box.clear()
        waiting.stop(signal.SIGTERM)
    assert waiting.process.exit_code == 143
    report = "".join(waiting.out)
    assert '"outcome": "stopped"' in report
    assert '"phase": "metadata"' in report, "the last good look"
    assert box.count_requests("auth/logout") == 1


@pytest.mark.usefixtures("box")
def test_in_a_pipe_each_change_is_a_block(home: Home, any_server: QbittorrentServer) -> None:
    home.write(make_entry(1, paused=True))
    assert home.run().exit_code == 0
    with looking(home, "--watch", "--interval", "1s", text=True) as watched:

        def said(text: str) -> bool:
            return any(text in line for line in watched.out)

        watched.wait_until(lambda: said("=  torrent-1"))
        good = home.file.read_text()
        home.write(make_entry(1, paused=True), make_entry(2))
        watched.wait_until(lambda: said("~  torrent-2  box       missing"))
        home.file.write_text("version: 7\n")
        watched.wait_until(lambda: said("problems, the first: desired.yaml:1:"))
        assert watched.process.is_running
        home.file.write_text(good)
        watched.wait_until(lambda: "1 declared torrent: 1 stopped\n" in watched.out[-4:])
        blocks = len(re.findall(r"^\d{4}-\d\d-\d\d ", "".join(watched.out), re.MULTILINE))
        assert blocks == 4, "nothing is said twice"
        any_server.kill()
        watched.wait_until(lambda: said("?  torrent-1"))
        watched.stop(signal.SIGTERM)
    assert watched.process.exit_code == 0
    assert "\x1b" not in "".join(watched.out)


def test_a_closed_pipe_ends_the_watch_of_status(home: Home, box: Proxy) -> None:
    home.write(make_entry(1))
    process = subprocess.Popen(
        (*COMMAND, "--output", "json", "status", "--watch", "--interval", "1s"),
        cwd=home.folder,
        env=home.full_environ,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdout.readline().startswith(b'{"format_version":1,')
    process.stdout.close()
    assert process.wait(60) == 0
    assert box.count_requests("auth/logout") == 1


@pytest.mark.parametrize("colours", [True, False])
def test_on_a_terminal_each_status_replaces_the_previous(home: Home, box: Proxy, colours: bool) -> None:
    home.write(*(make_entry(number, paused=True) for number in range(60)))
    assert home.run().exit_code == 0
    box.clear()

    def end(process: StartedCommand) -> None:
        RawClient.wait_until(lambda: box.count_requests("sync/maindata") >= 4)
        process.send_signal(signal.SIGINT)

    env = {**home.environ, "TERM": "xterm", **({} if colours else {"NO_COLOR": "1"})}
    quiet = ("--quiet",)  # shows no wait of more than a second, which a busy machine adds
    output = run_on_terminal(home.folder, "status", "--watch", "--interval", "1s", *quiet, meanwhile=end, **env)
    screen = shown_by(output)
    assert len([line for line in screen if line.startswith("reconcile status   ")]) == 1, "in place"
    assert len(screen) <= 25, "it fits the terminal"
    assert screen[-1] == "60 declared torrents: 60 stopped"
    assert any(re.match(r"… and \d\d more: \d\d stopped", line) for line in screen)
    assert not re.search(r"--\w*$", "\n".join(screen), re.MULTILINE), "no word is broken"
    assert max(map(len, screen)) <= 80
    assert bool(re.search(r"\x1b\[[0-9;]*m", output)) is colours
    assert output.count("\x1b[?25l") == output.count("\x1b[?25h") == 1, "the cursor is back"
    assert "stopping" not in output
    assert box.count_requests("auth/logout") == 1


def shown_by(written: str) -> list[str]:
    """Return the final screen of a terminal. Supports what rich writes: lines, cursor up, and erase line."""
    lines, row = [""], 0
    for token in re.split(r"(\x1b\[[0-9;?]*[a-zA-Z]|\r|\n)", written):
        if token == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif token == "\x1b[1A":
            row -= 1
        elif token == "\x1b[2K":
            lines[row] = ""
        elif not token.startswith("\x1b") and token != "\r":
            lines[row] += token
    return [line.rstrip() for line in lines if line.strip()]
