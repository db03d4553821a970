"""`--dry-run --live FILE`: nothing is contacted, and no secret is needed."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run_command_line
from reconciler.model.live_state import LiveInstance, LiveState
from tests.support.planner_inputs import OWNER_TAG, make_snapshot
from tests.support.saved_snapshots import render_snapshot

TEXT = """\
version: 1
owner: home
policy: sync
guard: {max_delete: 0}
instances:
  home:
    url: {env: HOME_URL}
    username: admin
    password: {file: /run/secrets/gone}
    preferences: {dl_limit: 0, proxy_password: {env: PROXY_PASSWORD}}
torrents:
  - magnet: magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=Sintel
  - torrent: http://indexer.example/dl?apikey=0123456789abcdef
"""


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A snapshot in the current folder, on a machine that has no secrets and must contact nothing."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was contacted")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "desired.yaml").write_text(TEXT)
    snapshot = make_snapshot([{"hash": "x", "name": "Old", "tags": [OWNER_TAG]}], preferences={"dl_limit": 7})
    home = LiveInstance("home", "http://nas", snapshot, declared_preferences=frozenset({"dl_limit"}))
    live_state = LiveState(datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "home", (home,))
    (tmp_path / "live.json").write_text(render_snapshot(live_state))
    return tmp_path / "live.json"


def plan(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code and the report of a dry-run on the snapshot."""
    code = run_command_line(["--dry-run", "--live", "live.json", *arguments])
    return code, capsys.readouterr().out


def report(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The JSON report of a dry-run on the snapshot."""
    return dict(json.loads(plan(capsys, "--output", "json")[1]))


def test_the_plan_is_made_without_secrets(live: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = report(capsys)
    actions = {action["name"]: action["outcome"] for action in document["instances"][0]["actions"]}
    assert actions == {"dl_limit": "planned", "Sintel": "planned", "torrent from indexer.example, line 13": "blocked"}
    messages = [warning["message"] for warning in document["warnings"]]
    assert messages == ['"proxy_password" is not compared: its value is not available here']
    assert document["snapshot"]["taken_at"] == "2026-01-02T03:04:00.000Z" and document["snapshot"]["age"] > 0


def test_what_is_not_compared_is_shown_in_its_line(live: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = TEXT.replace("{env: PROXY_PASSWORD}", "hunter2")
    (live.parent / "desired.yaml").write_text(text)
    run_command_line(["--dry-run", "--live", "live.json"])
    err = capsys.readouterr().err
    expected = (
        "desired.yaml:10:32: warning[W008]: home: proxy_password is not compared: a snapshot contains no secrets\n"
        "   10 |     preferences: {dl_limit: 0, proxy_password: ***}\n"
        "      |                                ^^^^^^^^^^^^^^\n"
    )
    assert expected in err and "hunter2" not in err


def test_every_report_says_how_old_the_snapshot_is(live: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("text", "markdown", "github"):
        assert "Planned against a snapshot that is" in plan(capsys, "--output", form)[1]


def test_a_deletion_is_judged_by_the_guard(live: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (live.parent / "desired.yaml").read_text()
    (live.parent / "desired.yaml").write_text(text[: text.index("  - torrent:")])
    code, out = plan(capsys)
    assert code == 3 and "1 deletion is more than max_delete 0" in out


def test_an_instance_that_is_not_in_the_snapshot_is_unknown(live: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (live.parent / "desired.yaml").read_text().replace("  home:", "  attic: {url: 'http://attic'}\n  home:", 1)
    text = text.replace("torrents:\n", "defaults: {instance: home}\ntorrents:\n")
    (live.parent / "desired.yaml").write_text(text)
    code, out = plan(capsys)
    assert code == 1 and "attic  UNKNOWN" in out and "it is not in the snapshot" in out


def test_the_time_can_be_ahead(live: Path, capsys: pytest.CaptureFixture[str]) -> None:
    live.write_text(live.read_text().replace("2026-01-02", "2999-01-02"))
    assert "which is in the future by the clock of this machine" in plan(capsys)[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--live", "live.json"], "--live requires --dry-run: a snapshot is only planned against"),
        (["--dry-run", "--live", "gone.json"], "there is no file gone.json. Save one with: reconcile snapshot -o FILE"),
        (["--dry-run", "--live", "desired.yaml"], "desired.yaml is not whole JSON"),
        (["--dry-run", "--live", "live.json", "--wait", "1s"], "--live cannot be combined with --wait"),
        (["--dry-run", "--live", "live.json", "--watch"], "--live cannot be combined with --watch"),
        (["--dry-run", "--live", "live.json", "--instance", "x"], 'no instance "x" in the desired state'),
        (["--live", "live.json", "status"], "Use: reconcile status --live"),
        (["--live", "live.json", "apply", "p"], "apply does not accept --live"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: list[str], message: str, live: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(arguments) == 4
    assert message in capsys.readouterr().err
