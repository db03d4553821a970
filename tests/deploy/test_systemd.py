"""The unit: verified and rated by systemd's own program, with arguments that our command accepts."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support import tools
from tests.support.deployment import DEPLOY, parse_watch_command

UNIT = DEPLOY / "systemd" / "reconcile.service"
MOST_EXPOSED = 15  # tenths of systemd's scale, on which 10.0 is a service with no hardening at all


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with systemd's own units, ours, and the programs that it starts."""
    package = tools.fetch_tool_folder(tools.SYSTEMD)
    shutil.copytree(package / "lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    for line in re.findall(r"^Exec\w+=(\S+)", UNIT.read_text(), re.MULTILINE):
        program = tmp_path / line.lstrip("/")
        program.parent.mkdir(parents=True, exist_ok=True)
        program.touch(0o755)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    shutil.copy(UNIT, tmp_path / "etc/systemd/system")
    return tmp_path


def test_systemd_finds_nothing_wrong_and_rates_it_well(root: Path) -> None:
    analyze = [*tools.build_tool_command(tools.SYSTEMD), f"--root={root}"]
    unit = str(root / "etc/systemd/system" / UNIT.name)
    assert tools.run_tool([*analyze, "verify", unit]) == "", "not even an unknown key"
    tools.run_tool([*analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", unit])


def test_the_unit_starts_a_watch_and_its_secrets_are_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    text = UNIT.read_text()
    environ = dict(re.findall(r"^Environment=(\w+)=(\S+)", text, re.MULTILINE))
    (words,) = re.findall(r"^ExecStart=(.+)", text, re.MULTILINE)
    settings, options = parse_watch_command(words.split()[1:], environ, monkeypatch)
    assert [str(file) for file in settings.files] == ["/etc/reconcile"]
    assert options.listen == "127.0.0.1:9470"
    (state,) = re.findall(r"^StateDirectory=(\w+)", text, re.MULTILINE)
    assert environ["RECONCILE_STATE_DIR"] == f"%S/{state}"
    (credential,) = re.findall(r"^LoadCredential=([\w-]+):", text, re.MULTILINE)
    assert f"{{file: /run/credentials/{UNIT.name}/{credential}}}" in text
