"""`reconcile status --url`: the real command, asking a real server."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.model.secret import Secret
from reconciler.web import StatusBoard, WebContext, serve
from reconciler.web.client import InvalidLoopUrl, StatusRequestError, build_endpoint_url, fetch_loop_status
from tests.support.command_line import make_environ, run_reconcile
from tests.support.example_runs import converged, hostile, planned
from tests.support.fake_time import FakeTime
from tests.support.status_site import BACKOFF, NOON, PROBLEM, TOKEN, MakeStatusSite, StatusSite, make_finished_run

TEXT = """\
reconcile 0.1.0  The desired state is invalid
  last run   10 seconds ago (files), took 0.4 s: 1 to add, 1 to adopt, 2 to change, 2 to delete, 22 unchanged, \
4 settings to change, 1 blocked, 1 spared, 1 instance unknown
  success    a minute ago
  next run   in 50 seconds or earlier; every 1 minute
desired.yaml:12:5: error[E030]: unknown key "pausd". Did you mean "paused"?

instance  status   qBittorrent  owned  not ours  drift  next try     address
attic     waiting  -                -         -      -  in a minute  -
home      ok       v5.1.0          12         3     11  -            -
seedbox   ok       v5.1.0          12         0      0  -            -
  attic: no connection to http://attic:8080: connection refused
"""


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that gives the same bytes to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

        threading.Thread(target=run, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def fill(site: StatusSite, time: FakeTime) -> None:
    """Record a good run, then one with problems, ten seconds ago."""
    site.board.on_run_end(make_finished_run(converged(), "start"))
    time.moment = 70
    began = NOON.replace(minute=1)
    site.board.on_run_end(
        make_finished_run(planned(), "files", began=began, problems=(PROBLEM,), waiting={"attic": BACKOFF})
    )


def test_text(site: StatusSite, time: FakeTime, tmp_path: Path) -> None:
    fill(site, time)
    ran = run_reconcile(tmp_path, "status", "--url", site.server.url)
    assert (ran.exit_code, ran.messages) == (1, "")
    assert ran.out == TEXT.replace("in a minute", "in 20 seconds").replace("next try     ", "next try       ").replace(
        "-            -\n", "-              -\n"
    )


def test_json_is_the_response_of_the_server(site: StatusSite, tmp_path: Path) -> None:
    site.board.on_run_end(make_finished_run(converged()))
    ran = run_reconcile(tmp_path, "--output", "json", "status", "--url", f"{site.server.url}/")
    assert (ran.exit_code, ran.messages) == (0, "")
    assert ran.json == site.request("/api/v1/status").json


def test_before_the_first_run(site: StatusSite, tmp_path: Path) -> None:
    ran = run_reconcile(tmp_path, "status", "--url", site.server.url)
    assert (ran.exit_code, ran.out) == (1, "reconcile 0.1.0  Starting\n  no run has ended yet\n")


def test_hostile_name_does_not_control_the_terminal(site: StatusSite, tmp_path: Path) -> None:
    site.board.on_run_end(make_finished_run(hostile()))
    ran = run_reconcile(tmp_path, "status", "--url", site.server.url)
    assert "\\x1b[2J" in ran.out
    assert "\x1b" not in ran.out


def test_environment_proxies_are_ignored(site: StatusSite, tmp_path: Path) -> None:
    ran = run_reconcile(tmp_path, "status", "--url", site.server.url, env={"http_proxy": "http://127.0.0.1:9"})
    assert "Starting" in ran.out


@pytest.mark.parametrize("option", ["--file", "--instance"])
def test_it_takes_no_files_and_no_instances(option: str, tmp_path: Path) -> None:
    for arguments in (["status", "--url", "http://x", option, "y"], [option, "y", "status", "--url", "http://x"]):
        ran = run_reconcile(tmp_path, *arguments)
        assert ran.exit_code == 4
        assert f"--url cannot be combined with {option}\n" in ran.err


def test_file_in_the_environment_is_ignored(site: StatusSite, tmp_path: Path) -> None:
    env = {"RECONCILE_FILE": "desired.yaml", "RECONCILE_INSTANCE": "home"}
    assert "Starting" in run_reconcile(tmp_path, "status", "--url", site.server.url, env=env).out


@pytest.mark.parametrize(
    "url", ["127.0.0.1:9470", "ftp://x", "file:///etc/passwd", "http://", "http://[", "http://x:a", "http://a b"]
)
def test_invalid_loop_url(url: str) -> None:
    with pytest.raises(InvalidLoopUrl, match=r"such as http://127\.0\.0\.1:9470"):
        fetch_loop_status(url)


def test_no_password_is_shown() -> None:
    with pytest.raises(InvalidLoopUrl) as caught:
        fetch_loop_status("http://user:pass-word@127.0.0.1:9470")
    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://x/base", "http://x/base/", "http://x/base/api/v1/status"])
def test_a_base_path_is_kept(url: str) -> None:
    assert build_endpoint_url(url) == "http://x/base/api/v1/status"


def test_bad_usage_is_4_and_no_answer_is_1(tmp_path: Path) -> None:
    assert run_reconcile(tmp_path, "status", "--url", "nowhere").exit_code == 4
    ran = run_reconcile(tmp_path, "--output", "json", "status", "--url", "http://127.0.0.1:9")
    assert (ran.exit_code, ran.json["exit_code"]) == (1, 1)
    where = "http://127.0.0.1:9/api/v1/status"
    assert ran.json["error"] == f"no answer from {where}: Connection refused. Does it run with --listen?"


def test_liveness_does_not_depend_on_instances(site: StatusSite, time: FakeTime, tmp_path: Path) -> None:
    fill(site, time)
    ask_whether = ("status", "--url", site.server.url, "--live")
    ran = run_reconcile(tmp_path, *ask_whether)
    assert (ran.exit_code, ran.out, ran.messages) == (0, "live\n", "")
    ran = run_reconcile(tmp_path, *ask_whether, env={"RECONCILE_OUTPUT": "json"})
    assert (ran.exit_code, ran.json) == (0, {"format_version": 1, "live": True})

    time.moment = 10_000
    ran = run_reconcile(tmp_path, *ask_whether)
    assert (ran.exit_code, ran.out) == (1, "")
    assert ran.err.startswith(f"error: {site.server.url}/healthz/live reports: stuck: ")
    assert run_reconcile(tmp_path, "status", "--url", "http://127.0.0.1:9", "--live").exit_code == 1
    ran = run_reconcile(tmp_path, "status", "--live")
    assert ran.exit_code == 4 and "--live requires --url" in ran.err


def test_a_loop_elsewhere_wants_the_token_from_readers(make_site: MakeStatusSite, tmp_path: Path) -> None:
    url = make_site(listen="0.0.0.0:0").server.url
    for token, reason in (
        (None, "it needs a token (--token-file)"),
        (Secret("x" * 16), "it does not accept this token"),
    ):
        with pytest.raises(StatusRequestError, match=re.escape(reason)):
            fetch_loop_status(url, token)
    (tmp_path / "token").write_text(TOKEN.reveal())
    assert "Starting" in run_reconcile(tmp_path, "status", "--url", url, "--token-file", "token").out
    ran = run_reconcile(tmp_path, "status", "--token-file", "token")
    assert ran.exit_code == 4 and "--token-file requires --url" in ran.err


HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
ODD = [
    (HEAD + b"\r\n<html>", "is not an answer that this version"),
    (HEAD + b"\r\n[]", "is not an answer that this version"),
    (HEAD + b'\r\n{"format_version": 1}', "is not an answer that this version"),
    (HEAD + b"Content-Length: 99\r\n\r\n{}", "no complete answer from"),
    (b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n", "answered 404 Not Found: is that a running reconcile?"),
    (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nConnection: close\r\n\r\n", "answered 302 Found"),
    (b"SSH-2.0-OpenSSH\r\n", "no complete answer from"),
    (b"", "no "),
]


@pytest.mark.parametrize(("answer", "message"), ODD)
def test_invalid_responses(answer: bytes, message: str) -> None:
    with answering(answer) as url, pytest.raises(StatusRequestError, match=message):
        fetch_loop_status(url)


def test_it_loads_no_server(board: StatusBoard, tmp_path: Path) -> None:
    late = {"uvicorn", "starlette", "jinja2", "prometheus_client", "ruamel"}
    with serve(WebContext(board), "0") as server:
        run = f"from reconciler.cli.main import run_command_line; run_command_line(['status', '--url', '{server.url}'])"
        code = f"import sys, json; {run}; print(json.dumps(sorted({late} & set(sys.modules))))"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=make_environ(), capture_output=True, check=True
        )
    assert json.loads(done.stdout.splitlines()[-1]) == []
