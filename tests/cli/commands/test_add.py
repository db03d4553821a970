"""`reconcile add`, typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.cli.main import run_command_line
from tests.support.desired_yaml import BUNNY, SINTEL, STEEL
from tests.support.edited_file import FILE
from tests.support.torrents import make_torrent
from tests.support.web import FixedWebServer

ENTRY = f'  - magnet: {STEEL}\n    category: films\n    tags: [x, "y: z"]\n    save_path: /data\n    paused: true\n'


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


def test_add_rejects_a_torrent_that_is_declared_absent(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE + f"  - magnet: {STEEL}\n    state: absent\n")
    assert run_command_line(["add", STEEL]) == 4
    assert (
        "is declared absent at desired.yaml:9:5. Remove that entry first: reconcile rm 209c8226b2"
        in capsys.readouterr().err
    )


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


def test_add_and_rm_edit_the_included_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE.partition("torrents:")[0] + "include: [sets/*.yaml]\n")
    (file.parent / "sets").mkdir()
    included = file.parent / "sets" / "a.yaml"
    before = f"version: 1\ntorrents:\n  - magnet: {SINTEL}  # kept\n"
    included.write_text(before)
    assert run_command_line(["add", STEEL]) == 0
    assert included.read_text() == f"{before}  - magnet: {STEEL}\n"
    assert "sets/a.yaml:4:5" in capsys.readouterr().out
    assert run_command_line(["rm", "209c8226"]) == 0
    assert included.read_text() == before
    assert run_command_line(["add", BUNNY, "--to", "sets/a.yaml"]) == 0
    assert BUNNY in included.read_text()
