"""`reconcile diff`, typed: files, folders and revisions of a real repository, and no server anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run_command_line
from tests.support.repositories import Repository
from tests.support.torrents import make_torrent

HEAD = """\
version: 1
owner: home
policy: sync
instances:
  home: {url: {env: NO_URL}, username: admin, password: {env: NO_PASSWORD}, headers: {X: {file: no/header}}}
"""
SINTEL = "  - magnet: magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=Sintel\n"
BUNNY = "  - magnet: magnet:?xt=urn:btih:dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c&dn=Bunny\n"
PASSKEY = "s3cr3tpasskey0123456789"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """An empty repository, as the current folder."""
    monkeypatch.chdir(tmp_path)
    return Repository.create(tmp_path)


def diff(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Run the command, check its exit code, and return its report."""
    assert run_command_line(["diff", *arguments]) == code, capsys.readouterr()
    return capsys.readouterr().out


def diff_json(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    """Return the JSON report."""
    return dict(json.loads(diff(capsys, *arguments, "--output", "json", code=code)))


def test_a_revision_against_the_working_tree(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    repository.commit({"desired.yaml": f"{HEAD}torrents:\n{SINTEL}    category: films\n{BUNNY}"})
    repository.write({"desired.yaml": f"{HEAD}guard: {{max_delete: 50}}\ntorrents:\n{SINTEL}    category: linux\n"})
    lines = diff(capsys, "git:HEAD", "desired.yaml").splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "settings",
        "guard.max_delete: 10 → 50",
        "",
        "home 3 changes 2 torrents before",
        "+ add category linux used by 1 torrent, not on the instance and not declared",
        "~ update 08ada5a7a6 Sintel MOVES DATA category differs · desired.yaml:8:5",
        "category: films → linux",
        "- delete dd8255ecdc Bunny no longer declared · desired.yaml:9:5",
        "",
        "0 to add, 1 to change, 1 to delete, 0 unchanged, 1 setting to change",
    ]


def test_exit_codes(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    repository.commit({"a.yaml": f"{HEAD}torrents:\n{SINTEL}", "b.yaml": f"{HEAD}torrents:\n{SINTEL}{BUNNY}"})
    repository.write({"empty.yaml": f"{HEAD}torrents: []\n", "bad.yaml": f"{HEAD}lorem: ipsum\n"})
    diff(capsys, "a.yaml", "b.yaml")
    diff(capsys, "a.yaml", "b.yaml", "--detailed-exitcode", code=2)
    assert run_command_line(["--detailed-exitcode", "diff", "a.yaml", "b.yaml"]) == 2
    diff(capsys, "a.yaml", "git:HEAD:a.yaml", "--detailed-exitcode")
    assert "REFUSED" in diff(capsys, "a.yaml", "empty.yaml", "--detailed-exitcode", code=3)
    for arguments in (["a.yaml", "bad.yaml"], ["bad.yaml", "a.yaml"], ["a.yaml", "nope"], ["a.yaml", "git:nope"]):
        diff(capsys, *arguments, code=4)
    assert run_command_line(["diff", "a.yaml"]) == 4
    diff(capsys, "a.yaml", "b.yaml", "--output", "github")


def test_folders_and_torrent_files_of_a_revision(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    files: dict[str, str | bytes] = {
        "all/home.yaml": HEAD,
        "all/set.yaml": "version: 1\ntorrents:\n  - torrent: ../files/one\n  - torrent: two.torrent\n",
        "files/one": make_torrent(1, "v1"),
        "all/two.torrent": make_torrent(2, "v1"),
    }
    repository.commit(files)
    repository.run("rm", "-q", "-r", "files", "all/two.torrent")
    repository.commit({"all/set.yaml": f"version: 1\ntorrents:\n{SINTEL}"})
    report = diff_json(capsys, "git:HEAD~1:all", "git:HEAD:all/")
    actions = [(a["verb"], a["source"], a["old_source"], a["new_file"]) for a in report["instances"][0]["actions"]]
    assert actions == [
        ("add", "all/set.yaml:3:5", None, None),
        ("delete", None, "all/set.yaml:3:5", "all/set.yaml"),
        ("delete", None, "all/set.yaml:4:5", "all/set.yaml"),
    ]
    report = diff_json(capsys, "git:HEAD~1:all", "all")
    assert report["instances"][0]["actions"][-1]["new_file"] == "all/set.yaml", "as the working tree calls it"


def test_included_files_of_a_revision(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    including = HEAD.replace("version: 1\n", "version: 1\ninclude: [sets/*.yaml]\n")
    repository.commit({"desired.yaml": including, "sets/a.yaml": f"version: 1\ntorrents:\n{SINTEL}{BUNNY}"})
    repository.commit({"sets/a.yaml": f"version: 1\ntorrents:\n{SINTEL}"})
    report = diff_json(capsys, "git:HEAD~1", "desired.yaml")
    (action,) = report["instances"][0]["actions"]
    assert (action["verb"], action["old_source"], action["new_file"]) == ("delete", "sets/a.yaml:4:5", "sets/a.yaml")


def test_a_file_that_is_gone_lost_its_entries(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    repository.commit({"all/home.yaml": f"{HEAD}torrents:\n{SINTEL}", "all/b.yaml": f"version: 1\ntorrents:\n{BUNNY}"})
    repository.run("rm", "-q", "all/b.yaml")
    (action,) = diff_json(capsys, "git:HEAD:all", "all")["instances"][0]["actions"]
    assert (action["old_source"], action["new_file"]) == ("all/b.yaml:3:5", None)


def test_problems_have_the_positions_of_the_repository(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit({"sets/desired.yaml": f"{HEAD}lorem: ipsum\n"})
    assert run_command_line(["diff", "git:HEAD:sets/desired.yaml", "sets/desired.yaml"]) == 4
    error = capsys.readouterr().err
    assert 'sets/desired.yaml:6:1: error[E030]: unknown key "lorem"' in error
    assert "git:HEAD:sets/desired.yaml is invalid: 1 problem" in error


@pytest.mark.parametrize(("old", "new", "reported"), [("", "", "old"), ("", HEAD, "old"), (HEAD, "", "new")])
def test_the_first_state_that_is_invalid_is_reported(
    old: str, new: str, reported: str, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.write({"old.yaml": old, "new.yaml": new})
    assert run_command_line(["diff", "old.yaml", "new.yaml"]) == 4
    error = capsys.readouterr().err
    assert f"{reported}.yaml is invalid: 1 problem" in error and error.count(" is invalid") == 1


def test_no_secret_is_read_and_no_passkey_is_shown(
    repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PASSWORD", "hunter2")
    link = f"{SINTEL.rstrip()}&tr=http%3A%2F%2Ft.example%2F{PASSKEY}%2Fannounce\n"
    url = f"  - torrent: https://t.example/{PASSKEY}/x.torrent\n"
    secrets: dict[str, str | bytes] = {"no/header": "hunter3"}
    repository.commit({"desired.yaml": f"{HEAD}torrents:\n{link}{url}", **secrets})
    changed = f"{HEAD.replace('NO_PASSWORD', 'OTHER')}".replace("home: {", "home: {suspend: true, ")
    tracker = f'    trackers: ["http://t.example/{PASSKEY}x/announce"]\n'
    repository.write({"desired.yaml": f"{changed}torrents:\n{link}{tracker}  - torrent: https://t.example/{PASSKEY}\n"})
    for output in ("text", "json", "markdown"):
        shown = diff(capsys, "git:HEAD", "desired.yaml", "--output", output)
        assert PASSKEY not in shown
        assert "hunter" not in shown
        assert "torrent from t.example" in shown
    report = diff_json(capsys, "git:HEAD", "desired.yaml")
    assert {"path": "instances.home.password", "from": "{env: NO_PASSWORD}", "to": "{env: OTHER}"} in report["settings"]
    assert [a["infohash"] for a in report["instances"][0]["actions"] if "t.example" in a["name"]] == [None, None]


def test_the_working_tree_and_the_state_of_the_process_stay(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit({"desired.yaml": f"{HEAD}torrents:\n{SINTEL}"})
    before = Path.cwd()
    diff(capsys, "git:HEAD", "git:HEAD")
    assert Path.cwd() == before
    assert repository.run("status", "--porcelain", "--ignored") == ""


def test_markdown_cannot_be_broken_by_a_name(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    name = "![x](http://evil) @team ``` <script>"
    repository.commit({"desired.yaml": f"{HEAD}torrents:\n{SINTEL}"})
    repository.write({"desired.yaml": f"{HEAD}torrents:\n{SINTEL}    name: {json.dumps(name)}\n"})
    text = diff(capsys, "git:HEAD", "desired.yaml", "--output", "markdown")
    assert "````diff" in text
    assert "<script>" not in text.split("````diff")[0]
