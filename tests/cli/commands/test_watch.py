"""`reconcile --watch`: rejected options, notification URLs, and the first read of the files."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from reconciler.cli.commands.watch import make_notifiers, open_desired_source
from reconciler.cli.main import run_command_line
from reconciler.cli.settings import CommandFailure, RunSettings, Settings
from reconciler.model.secret import Secret


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("form", ["markdown", "github"])
def test_a_watch_supports_only_text_and_json(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--watch", "--output", form]) == 4
    assert f"--watch does not support --output {form}" in "".join(capsys.readouterr())


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--wait", "1m"], "--wait cannot be combined with --watch"),
        (["--dry-run", "--detailed-exitcode"], "--detailed-exitcode cannot be combined with --watch"),
        (["--token-file", "token"], "--token-file requires --listen"),
        (["--peer", "http://a:9470"], "--peer requires --listen"),
        (["--listen", "0", "--peer", "a:9470"], "--peer needs the address of a running reconcile"),
        (["--listen", "127.0.0.1:0", "--token-file", "missing"], "missing"),
    ],
)
def test_a_watch_rejects_options_that_it_cannot_honour(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["--watch", *arguments]) == 4
    assert message in capsys.readouterr().err


def test_one_notifier_serves_the_urls_of_the_option_and_the_file(tmp_path: Path) -> None:
    file = tmp_path / "urls"
    file.write_text("# ours\n\n  https://hooks.example/b  \n", encoding="utf-8-sig")
    assert make_notifiers(RunSettings(), 60.0) == []
    notifiers = make_notifiers(RunSettings(notify=(Secret("https://hooks.example/a"),), notify_file=file), 60.0)
    assert len(notifiers) == 1


@pytest.mark.timeout(20)
def test_notification_urls_are_read_from_a_regular_file() -> None:
    with pytest.raises(CommandFailure, match="--notify-file: /dev/zero: it is not a regular file"):
        make_notifiers(RunSettings(notify_file=Path("/dev/zero")), 60.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"# only a comment\n\n", "--notify-file: {file} contains no URL"),
        (b"\xff\xfe", "--notify-file: {file} is not UTF-8 text"),
        (b"https://hooks.example/a\nhooks.example/hidden\n", "--notify-file: an address is a URL"),
    ],
)
def test_a_file_without_usable_urls_is_rejected(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "urls"
    file.write_bytes(content)
    with pytest.raises(CommandFailure) as failure:
        make_notifiers(RunSettings(notify_file=file), 60.0)
    assert str(failure.value).startswith(message.format(file=file))
    assert "hidden" not in str(failure.value)
    assert failure.value.exit_code == 4


def test_a_watch_starts_only_with_valid_files_and_known_instances(folder: Path) -> None:
    stop = threading.Event()
    assert list(open_desired_source(Settings(instances=("home",)), stop).desired.instances) == ["home"]
    with pytest.raises(CommandFailure, match='no instance "attic"') as failure:
        open_desired_source(Settings(instances=("attic",)), stop)
    assert failure.value.exit_code == 4
    (folder / "desired.yaml").write_text("version: 2\n")
    with pytest.raises(CommandFailure, match="the desired state is invalid") as failure:
        open_desired_source(Settings(), stop)
    assert failure.value.exit_code == 4
    assert failure.value.problems[0].position.line == 1
