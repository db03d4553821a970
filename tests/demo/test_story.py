"""The demo, without its servers."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from rich.console import Console

from reconciler.demo.packages import ServerSetupError
from reconciler.demo.servers import QbittorrentServer
from reconciler.demo.story import DemoStepError, DemoStory, build_environ, read_example, run_demo
from reconciler.desired import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "desired.yaml"


def make_story(folder: Path, output: io.StringIO) -> DemoStory:
    """Return a demo without servers that prints to a stream."""
    return DemoStory(folder, folder / "desired.yaml", {}, Console(file=output, soft_wrap=True))


def test_the_demo_uses_the_published_example(tmp_path: Path) -> None:
    assert read_example() == EXAMPLE.read_text(encoding="utf-8")
    file = tmp_path / "desired.yaml"
    file.write_text(read_example(), encoding="utf-8")
    desired = load([file], {"HOME_PASSWORD": "a", "SEEDBOX_PASSWORD": "b"})
    assert list(desired.instances) == ["home", "seedbox"]


def test_the_passwords_of_the_servers_are_in_the_variables_of_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME_PASSWORD", "of-the-user")
    monkeypatch.setenv("KEPT", "1")
    server = SimpleNamespace(password="of-the-demo")
    environ = build_environ({"home": cast("QbittorrentServer", server)})
    assert environ["HOME_PASSWORD"] == "of-the-demo"
    assert environ["KEPT"] == "1"


def test_kept_servers_show_their_credentials_until_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class InterruptedEvent:
        def wait(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr("reconciler.demo.story.threading.Event", InterruptedEvent)
    server = SimpleNamespace(url="http://127.0.0.1:18080", username="admin", password="a[b]c")
    output = io.StringIO()
    servers = {"home": cast("QbittorrentServer", server)}
    file = tmp_path / "desired.yaml"
    DemoStory(tmp_path, file, servers, Console(file=output, soft_wrap=True)).keep_servers_running()
    assert output.getvalue().splitlines() == [
        "home: http://127.0.0.1:18080  user: admin  password: a[b]c",
        f"Desired state: {file}",
        "Press Ctrl-C to end the demo and remove everything.",
        "The demo has ended.",
    ]


def test_a_machine_without_servers_ends_the_demo_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def choose_versions(_count: int) -> Sequence[str | None]:
        raise ServerSetupError("there is no qbittorrent-nox [at all]")

    monkeypatch.setattr("reconciler.demo.story.choose_versions", choose_versions)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run_demo(keep=True) == 1
    assert "The demo stopped: there is no qbittorrent-nox [at all]" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_the_demo_stops_at_the_first_step_with_an_unexpected_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[tuple[str, ...]] = []

    def run(command: tuple[str, ...], **_options: object) -> subprocess.CompletedProcess[bytes]:
        commands.append(command[3:])
        return subprocess.CompletedProcess(command, len(commands) - 1)

    monkeypatch.setattr("reconciler.demo.story.subprocess.run", run)
    output = io.StringIO()
    message = "`reconcile -f desired.yaml` ended with exit code 1 instead of 0"
    with pytest.raises(DemoStepError, match=message):
        make_story(tmp_path, output).run_steps()
    assert commands == [("-f", "desired.yaml", "--dry-run"), ("-f", "desired.yaml")]
    assert output.getvalue().splitlines() == [
        "",
        "1. Show the plan. A dry-run changes nothing.",
        "$ reconcile -f desired.yaml --dry-run",
        "",
        "2. Apply it.",
        "$ reconcile -f desired.yaml",
    ]
