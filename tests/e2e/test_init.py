"""From an empty folder to the plan of an existing library with `init` and `--dry-run`, on a real server."""

from __future__ import annotations

import os
import pty
import subprocess

from reconciler.demo.servers import QbittorrentServer
from reconciler.desired import load
from tests.support.commands import COMMAND
from tests.support.home import Home
from tests.support.magnets import make_magnet
from tests.support.proxy import Proxy
from tests.support.raw import RawClient

FLAGS = ("--password-env", "QBT_PASSWORD", "--yes")


def test_a_library_of_thirty_torrents_is_adopted_with_two_commands(
    home: Home, any_server: QbittorrentServer, box: Proxy
) -> None:
    truth = RawClient(any_server)
    truth.post("torrents/createCategory", category="films", savePath=str(home.folder / "films"))
    truth.add_magnets([make_magnet(number) for number in range(10)], category="films", autoTMM="true")
    truth.add_magnets([make_magnet(number) for number in range(10, 30)], savepath=str(home.folder / "other"))
    home.environ["QBT_PASSWORD"] = "wrong"
    box.clear()
    refused = home.run_arguments("init", "--url", box.url, "--username", any_server.username, *FLAGS)
    assert refused.exit_code == 1
    assert "nothing was written, after one attempt: home: qBittorrent refuses" in refused.err
    assert box.count_requests("auth/login") == 1
    assert not list(home.folder.glob("*.yaml"))

    home.environ["QBT_PASSWORD"] = any_server.password
    started = home.run_arguments("init", "--url", box.url, "--username", any_server.username, *FLAGS)
    assert started.exit_code == 0, started.err
    assert "30 torrents" in started.out
    assert [request.endpoint for request in box.mutations] == []
    planned = home.run("--dry-run")
    assert (planned.exit_code, planned.summary) == (0, {"adopt": 30})
    changes = [change for action in planned.instance("home")["actions"] for change in action["changes"]]
    assert {change["field"] for change in changes} == {"owner"}
    assert any_server.password not in "".join(file.read_text() for file in home.folder.glob("*.yaml"))


def test_the_questions_are_asked_on_a_terminal(home: Home, any_server: QbittorrentServer) -> None:
    RawClient(any_server).add_magnets([make_magnet(1)])
    answers = {
        "Address": any_server.url,
        "User name": any_server.username,
        "Where its password is": "",
        "Password, to try": any_server.password,
        "Declare the 1 torrent": "",
    }
    main, side = pty.openpty()
    environ = {key: value for key, value in home.full_environ.items() if key != "HOME_PASSWORD"}
    process = subprocess.Popen((*COMMAND, "init"), cwd=home.folder, env=environ, stdin=side, stdout=side, stderr=side)
    os.close(side)
    shown = ""
    while True:
        try:
            piece = os.read(main, 65_536).decode()
        except OSError:  # Linux says so when the other side has closed
            break
        if not piece:
            break
        shown += piece
        for question in [question for question in answers if question in shown and shown.endswith(": ")]:
            os.write(main, f"{answers.pop(question)}\n".encode())
    os.close(main)
    assert process.wait(60) == 0, shown
    assert any_server.password not in shown, "it is not echoed"
    assert "HOME_PASSWORD is not set here. Set it" in shown
    desired = load([home.file], {"HOME_PASSWORD": "x"})
    assert (desired.instances["home"].url, len(desired.torrents)) == (any_server.url, 1)
