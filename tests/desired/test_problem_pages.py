"""The pages of the codes: the wrong example of each gives that code, and the right one gives nothing."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pytest

from reconciler.cli.main import run_command_line
from reconciler.desired import DesiredStateError, LoadPermissions, TorrentFileCache, load
from reconciler.desired.problem_pages import ProblemPage, load_problem_pages
from reconciler.model.position import Problem
from reconciler.model.torrent_file import FetchedTorrent, TorrentFile, TorrentFileError, identify_torrent
from tests.support.desired_yaml import SINTEL
from tests.support.torrents import make_torrent

RunScript = Callable[[str], str]

PAGES = load_problem_pages()
BLOCK = re.compile(r"(Wrong|Right):\n\n```(yaml|sh)\n(.*?)```", re.DOTALL)
HEAD = {
    "version": "version: 1\n",
    "policy": "policy: upsert\n",
    "instances": 'instances: {home: {url: "http://127.0.0.1:8080"}}\n',
}
ENVIRON = {"HOME_PASSWORD": "x"}
MANY = {"E090"}  # what the many problems of E008 are
TORRENT = make_torrent(1, name="debian.iso")


def examples_of(page: ProblemPage) -> dict[str, tuple[str, str]]:
    """Return the kind and the text of the wrong and of the right example."""
    return {title: (kind, text) for title, kind, text in BLOCK.findall(page.text)}


def complete(text: str) -> str:
    """Return an example as a whole document, unless it begins like one."""
    if re.search("^version:", text, re.MULTILINE) or text.startswith("#"):
        return text
    return "".join(line for key, line in HEAD.items() if not re.search(f"^{key}:", text, re.MULTILINE)) + text


def fetch_kept_copy(urls: Collection[str]) -> Mapping[str, FetchedTorrent]:
    """Answer as a fetcher whose servers are gone, and that has kept a copy of everything."""
    metainfo = identify_torrent(TORRENT)
    file = TorrentFile("kept", metainfo.infohashes, metainfo.name, len(TORRENT), lambda: TORRENT)
    return {url: FetchedTorrent(file, TorrentFileError("404 Not Found")) for url in urls}


def find_codes(folder: Path, text: str, is_offline: bool) -> set[str]:
    """Return the codes of the problems and warnings of a document, as a run or an offline plan reads it."""
    path = folder / "desired.yaml"
    path.write_text(complete(text), encoding="utf-8")
    (folder / "debian.torrent").write_bytes(TORRENT)
    (folder / "ca.pem").touch()
    (folder / "torrents.yaml").write_text("version: 1\ntorrents: []\n")
    (folder / "intake.yaml").write_text(f"version: 1\ntorrents:\n  - magnet: {SINTEL}\n")
    problems: tuple[Problem, ...]
    try:
        torrents, is_online = TorrentFileCache(fetch_kept_copy), not is_offline
        permissions = LoadPermissions(contacts_instances=is_online)
        desired = load([path], ENVIRON, resolve_secrets=is_online, permissions=permissions, torrent_files=torrents)
        problems = desired.warnings
    except DesiredStateError as error:
        problems = error.problems
    return {problem.code for problem in problems}


@pytest.fixture
def run_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunScript:
    """Returns what the command lines of an example print. The last one is a command of ours."""
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)

    def run(text: str) -> str:
        Path("desired.yaml").write_text("".join(HEAD.values()))
        *lines, command = text.splitlines()
        for line in lines:
            subprocess.run(["bash", "-c", line], check=True)
        assert command.startswith("reconcile ")
        run_command_line(command.split()[1:])
        return "".join(capsys.readouterr())

    return run


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_the_wrong_example_gives_the_code_and_the_right_one_gives_none(
    page: ProblemPage, tmp_path: Path, run_script: RunScript
) -> None:
    examples = examples_of(page)
    assert examples.keys() == {"Wrong", "Right"}
    for title, (kind, text) in examples.items():
        expected = {page.code} if title == "Wrong" else set()
        if kind == "yaml":
            assert find_codes(tmp_path, text, page.code == "W008") == expected, title
        else:
            codes = set(re.findall(r"(?:error|warning)\[(\w+)\]", run_script(text)))
            assert codes - MANY == expected, title


def test_pages_are_short_and_say_what_the_code_means() -> None:
    for page in PAGES.values():
        meaning = page.text.partition("\n\nWrong:")[0]
        assert 20 < len(meaning) < 500, page.code
        assert page.title[0].islower() or page.title.startswith("qBittorrent"), page.code
