"""`reconcile add` and `reconcile rm`, typed."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from reconciler.cli.main import run_command_line
from tests.support.desired_yaml import BUNNY, SINTEL, STEEL
from tests.support.torrents import make_torrent
from tests.support.web import FixedWebServer

FILE = f"""\
# mine
version: 1
policy: sync
instances:
  home: {{url: "http://127.0.0.1:9", username: me, password: {{env: HOME_PASSWORD}}}}
torrents:
  - magnet: {SINTEL}&dn=Sintel&tr=http%3A%2F%2Ft%2Fpasskey
    tags:   [a]   # why
"""
TWO = "version: 1\npolicy: upsert\ninstances: {one: {url: 'http://h1'}, two: {url: 'http://h2'}}\n"
ENTRY = f'  - magnet: {STEEL}\n    category: films\n    tags: [x, "y: z"]\n    save_path: /data\n    paused: true\n'


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with that file."""
    path = tmp_path / "desired.yaml"
    path.write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return path


def test_add_shows_a_diff_and_writes_the_entry(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--category", "films", "--tag", "x", "--tag", "y: z", "--save-path", "/data", "--paused"]
    assert run_command_line(["add", STEEL, *options, "--dry-run"]) == 0
    output = capsys.readouterr().out
    assert "+  - magnet: " + STEEL in output
    assert "passkey" not in output
    assert "would add  209c8226b2" in output
    assert file.read_text() == FILE

    assert run_command_line(["add", STEEL, *options]) == 0
    assert file.read_text() == FILE + ENTRY
    assert capsys.readouterr().out.endswith("added  209c8226b2     desired.yaml:9:5 · home\n")

    assert run_command_line(["add", STEEL, "--category", "other"]) == 0
    assert capsys.readouterr().out == "declared already  209c8226b2     desired.yaml:9:5 · home\n"
    assert file.read_text() == FILE + ENTRY


def test_add_adds_each_of_several_torrents_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["add", STEEL, BUNNY, STEEL + "&dn=again", SINTEL, "--output", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["written"] is True
    assert [(torrent["verb"], torrent["infohash"][:6]) for torrent in report["torrents"]] == [
        ("declared already", "08ada5"),
        ("add", "209c82"),
        ("add", "dd8255"),
    ]
    assert file.read_text() == FILE + f"  - magnet: {STEEL}\n  - magnet: {BUNNY}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["magnet:?xt=urn:btih:12"], "argument 1 cannot be added: its btih has 2 hex digits"),
        ([STEEL, "ftp://secret.example/passkey"], "argument 2 cannot be added: it is an ftp link"),
        (["nowhere.torrent"], "argument 1 cannot be added: a magnet link begins"),
        (["desired.yaml"], "argument 1 cannot be added: "),
        ([STEEL, "--category", "a//b"], "a category cannot begin or end"),
        ([STEEL, "--tag", "a,b"], "a tag cannot contain a comma"),
        ([STEEL, "--save-path", "relative"], "this path is not absolute"),
        ([STEEL, "--instance", "hom"], 'no instance "hom". Did you mean "home"?'),
        ([STEEL, "--to", "other.yaml"], "other.yaml is not a file of the desired state: desired.yaml"),
        ([STEEL, BUNNY, "--name", "x"], "--name requires a single torrent"),
        ([STEEL, "--output", "github"], "add does not support --output github"),
    ],
)
def test_add_rejects_invalid_torrents_and_options(
    arguments: list[str], message: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["add", *arguments]) == 4
    output = "".join(capsys.readouterr())
    assert message in output
    assert "passkey" not in output
    assert file.read_text() == FILE


def test_an_invalid_file_is_not_changed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE + "bogus: 1\n")
    assert run_command_line(["add", STEEL]) == 4
    assert run_command_line(["rm", "Sintel"]) == 4
    assert "desired.yaml:9:1: error: unknown key" in capsys.readouterr().err
    assert file.read_text() == FILE + "bogus: 1\n"


def test_dry_run_applies_from_the_environment_and_before_the_command(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILE_DRY_RUN", "1")
    assert run_command_line(["add", STEEL]) == 0
    assert run_command_line(["rm", "Sintel"]) == 0
    assert run_command_line(["--dry-run", "rm", "Sintel"]) == 0
    assert file.read_text() == FILE


def test_add_and_rm_choose_the_file_and_the_instance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base_file, defaults_file, empty_file = (tmp_path / name for name in ("base.yaml", "one.yaml", "two.yaml"))
    base_file.write_text(TWO)
    defaults_file.write_text(f"version: 1\ndefaults: {{instance: one, category: c}}\ntorrents:\n- magnet: {SINTEL}\n")
    files = ["-f", str(tmp_path)]
    assert run_command_line(["add", STEEL, *files]) == 0, "only one has torrents"
    assert defaults_file.read_text().endswith(f"- magnet: {SINTEL}\n- magnet: {STEEL}\n")
    assert "with these defaults of the file: instance, category" in capsys.readouterr().out

    empty_file.write_text("version: 1\ntorrents: []\n")
    assert run_command_line(["add", BUNNY, *files]) == 4
    assert "Choose one with --to FILE" in capsys.readouterr().err
    assert run_command_line(["add", BUNNY, *files, "--to", str(empty_file)]) == 4
    assert "there are several instances: one, two. Choose one" in capsys.readouterr().err
    assert run_command_line(["add", BUNNY, *files, "--to", str(empty_file), "--instance", "two"]) == 0
    assert empty_file.read_text() == f"version: 1\ntorrents:\n  - magnet: {BUNNY}\n    instance: two\n"
    assert run_command_line(["add", SINTEL, *files, "--to", str(empty_file), "--instance", "two"]) == 0, (
        "elsewhere it is another matter"
    )
    capsys.readouterr()

    assert run_command_line(["rm", "08ada5", *files]) == 1
    output = capsys.readouterr().err
    assert '"08ada5" matches 2 entries' in output
    assert f"{defaults_file}:4:3" in output and "on two" in output
    assert run_command_line(["rm", "08ada5", "209c82", *files, "--instance", "one"]) == 0
    assert defaults_file.read_text() == "version: 1\ndefaults: {instance: one, category: c}\ntorrents: []\n"


def test_rm_removes_entries_and_reports_the_effect(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["rm", "Sintl"]) == 1
    output = capsys.readouterr().err
    assert 'no entry is called "Sintl"' in output
    assert "desired.yaml:7:5  08ada5a7a6  Sintel" in output
    run_command_line(["add", STEEL])
    capsys.readouterr()

    assert run_command_line(["rm", "sintel", "08ada5a7"]) == 0
    output = capsys.readouterr().out
    assert "passkey" not in output
    assert "removed  08ada5a7a6  Sintel   desired.yaml:7:5 · home · policy sync: the next run deletes" in output
    assert file.read_text() == FILE[: FILE.index("  - magnet")] + f"  - magnet: {STEEL}\n"

    assert run_command_line(["rm", STEEL + "&tr=http%3A%2F%2Fpasskey"]) == 0
    assert "the guard refuses all deletions" in capsys.readouterr().out
    assert file.read_text() == FILE[: FILE.index("torrents:")] + "torrents: []\n"


def test_add_rejects_a_torrent_that_is_declared_absent(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE + f"  - magnet: {STEEL}\n    state: absent\n")
    assert run_command_line(["add", STEEL]) == 4
    assert (
        "is declared absent at desired.yaml:9:5. Remove that entry first: reconcile rm 209c8226b2"
        in capsys.readouterr().err
    )


def test_a_file_that_cannot_be_written_is_reported_and_unchanged(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run_command_line(["add", STEEL]) == 1
    assert "could not be written and is unchanged: No space left" in capsys.readouterr().err
    assert [path.name for path in file.parent.iterdir()] == ["desired.yaml"]
    assert file.read_text() == FILE


def test_import_without_a_file_prints_a_starter_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["import"]) == 4
    output = capsys.readouterr().err
    lines = [line.removeprefix("  ") for line in output.splitlines()[2:]]
    assert "Write these lines to desired.yaml" in output
    (tmp_path / "desired.yaml").write_text("\n".join(lines) + "\n")
    assert run_command_line(["validate"]) == 0
    assert run_command_line(["import", "--output", "json"]) == 4


def test_the_path_of_a_torrent_file_is_relative_to_the_yaml_file(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file.parent / "yaml").mkdir()
    (file.parent / "files").mkdir()
    moved = file.rename(file.parent / "yaml" / "desired.yaml")
    (file.parent / "files" / "a b.torrent").write_bytes(make_torrent(1))
    assert run_command_line(["add", "files/a b.torrent", "-f", str(moved), "--category", "x"]) == 0
    assert moved.read_text() == FILE + '  - torrent: "../files/a b.torrent"\n    category: x\n'
    assert "torrent-1" in capsys.readouterr().out
    assert run_command_line(["add", "files/a b.torrent", "-f", str(moved)]) == 0
    assert "declared already" in capsys.readouterr().out
    assert run_command_line(["rm", "torrent-1", "-f", str(moved)]) == 0
    assert moved.read_text() == FILE


def test_add_fetches_a_url_to_identify_its_torrent(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FixedWebServer({"/passkey": make_torrent(1), "/same": make_torrent(1), "/page": b"<html>"}) as web:
        assert run_command_line(["add", web.url_of("/passkey?k=passkey"), web.url_of("/same"), "--output", "json"]) == 0
        output = capsys.readouterr()
        assert [torrent["name"] for torrent in json.loads(output.out)["torrents"]] == ["torrent-1"]
        assert "passkey" not in output.out + output.err
        assert file.read_text() == FILE + f"  - torrent: {web.url_of('/passkey?k=passkey')}\n"
        assert web.count_requests("/passkey") == 1

        assert run_command_line(["add", web.url_of("/same")]) == 0
        assert "declared already" in capsys.readouterr().out
        for path in ("/page", "/passkey-not-there"):
            assert run_command_line(["add", web.url_of(path)]) == 1
            output = capsys.readouterr()
            assert "argument 1 cannot be added: " in output.err and "passkey" not in output.err
        asked = len(web.requests)
        assert run_command_line(["add", STEEL]) == 0
        assert len(web.requests) == asked, "what names itself contacts nobody"
        assert run_command_line(["rm", "torrent-1"]) == 0
        assert len(web.requests) == asked + 1
        assert file.read_text() == FILE + f"  - magnet: {STEEL}\n"
