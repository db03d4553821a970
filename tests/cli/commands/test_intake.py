"""`reconcile intake`: what was handed in, and how it becomes a person's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.cli.main import run_command_line
from reconciler.desired import load
from reconciler.intake import IntakeStore
from reconciler.model.intake import HandedIn
from reconciler.model.metainfo import parse_metainfo
from tests.support.desired_yaml import BUNNY, SINTEL, STEEL
from tests.support.torrents import make_torrent

DESIRED = f"""\
version: 1
policy: sync
owner: me
instances: {{home: {{url: "http://127.0.0.1:9"}}, box: {{url: "http://127.0.0.1:8"}}}}  # mine
intake: {{file: state/intake.yaml, instance: home}}
include: [films.yaml]
---
version: 1
torrents: [{{magnet: '{STEEL}', instance: box}}]
"""
FILMS = f"""\
version: 1
defaults: {{category: films, instance: box}}
torrents:
  # the first
  - magnet: {BUNNY}
"""
UPLOAD = make_torrent(1, name="debian.iso")
UPLOAD_HASH = str(parse_metainfo(UPLOAD).infohashes)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IntakeStore:
    """A desired state in the current folder, to whose intake two torrents were handed in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "desired.yaml").write_text(DESIRED)
    (tmp_path / "films.yaml").write_text(FILMS)
    desired = load([Path("desired.yaml")], {})
    store = IntakeStore(lambda: desired)
    store.hand_in(
        [
            HandedIn(f"{SINTEL}&dn=Sintel&tr=http%3A%2F%2Ft%2Fpasskey", keys={"category": "a", "labels": {"id": 12}}),
            HandedIn(content=UPLOAD),
        ]
    )
    return store


@pytest.mark.usefixtures("store")
def test_list_shows_what_was_handed_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["intake", "list"]) == 0
    shown = capsys.readouterr().out
    assert "Sintel" in shown and "id=12" in shown and "2 torrents in state/intake.yaml" in shown
    assert "passkey" not in shown
    assert run_command_line(["intake", "list", "--output", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["labels"], row["state"]) for row in report["torrents"]] == [
        ("Sintel", {"id": "12"}, "present"),
        ("debian.iso", {}, "present"),
    ]


def test_promote_moves_entries_with_their_files(
    store: IntakeStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    intake_file = tmp_path / "state" / "intake.yaml"
    intake_file.write_text(
        intake_file.read_text().replace("    category: a", "    # from the service\n    category: a")
    )
    before = {entry.infohash: entry for entry in load([Path("desired.yaml")], {}).torrents}
    arguments = ["intake", "promote", "Sintel", UPLOAD_HASH[:8], "films.yaml"]
    assert run_command_line([*arguments, "--dry-run"]) == 0
    assert "would move" in capsys.readouterr().out
    assert (tmp_path / "films.yaml").read_text() == FILMS and not (tmp_path / "torrents").exists()

    assert run_command_line(arguments) == 0
    shown = capsys.readouterr().out
    assert "moved  08ada5a7a6  Sintel   films.yaml:7:5 · home" in shown and "passkey" not in shown
    films = (tmp_path / "films.yaml").read_text()
    assert films.startswith(FILMS) and "# from the service" in films
    assert (tmp_path / "torrents" / f"{UPLOAD_HASH}.torrent").read_bytes() == UPLOAD
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == [".intake.yaml.lock", "intake.yaml"]
    desired = load([Path("desired.yaml")], {})
    assert not any(entry.is_handed_in for entry in desired.torrents) and not desired.warnings
    for entry in desired.torrents:  # it means the same there, whatever the defaults say
        old = before[entry.infohash]
        assert (entry.instance, entry.category, entry.labels, entry.paused, entry.tags) == (
            *(old.instance, old.category, old.labels, old.paused, old.tags),
        )
    assert not store.entries, "a running sidecar reads the file again"


def test_after_a_crash_between_its_writes_promote_ends_the_work(
    store: IntakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["intake", "promote", "Sintel", "films.yaml"]
    with monkeypatch.context() as patch:
        patch.setattr("reconciler.cli.commands.intake._drop_entries", lambda _store, _chosen: None)
        assert run_command_line(arguments) == 0
    both = load([Path("desired.yaml")], {})
    assert [warning.code for warning in both.warnings] == ["W010"], "no run is disturbed meanwhile"
    films = (tmp_path / "films.yaml").read_text()
    capsys.readouterr()
    assert run_command_line(arguments) == 0
    assert "declared already  08ada5a7a6" in capsys.readouterr().out
    assert (tmp_path / "films.yaml").read_text() == films
    assert not load([Path("desired.yaml")], {}).warnings


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["list", "x"], 4, "intake list takes no torrents"),
        (["promote"], 4, "intake promote needs torrents and a file"),
        (["promote", "films.yaml"], 4, "intake promote needs torrents and a file"),
        (["promote", "Sintl", "films.yaml"], 1, 'nothing that was handed in is called "Sintl". Similar:'),
        (["promote", "Sintel", "other.yaml"], 4, "other.yaml is not a file of the desired state that people write"),
        (["promote", "Sintel", "state/intake.yaml"], 4, "is not a file of the desired state that people write"),
        (["demote"], 4, "ACTION"),
    ],
)
@pytest.mark.usefixtures("store")
def test_what_cannot_be_done_says_why(
    arguments: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (tmp_path / "state" / "intake.yaml").read_text()
    assert run_command_line(["intake", *arguments]) == code
    assert message in capsys.readouterr().err
    assert (tmp_path / "state" / "intake.yaml").read_text() == before and (tmp_path / "films.yaml").read_text() == FILMS


def test_what_is_about_to_be_deleted_stays_with_the_service(
    store: IntakeStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.remove([UPLOAD_HASH], delete_files=True)
    assert run_command_line(["intake", "promote", "debian.iso", "films.yaml"]) == 1
    assert "a service took it back" in capsys.readouterr().err
    assert run_command_line(["intake", "list"]) == 0
    assert "debian.iso (to be deleted)" in capsys.readouterr().out


@pytest.mark.usefixtures("store")
def test_people_edit_only_their_own_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["rm", "Sintel"]) == 4
    assert "was handed in by a service" in capsys.readouterr().err
    assert run_command_line(["add", f"magnet:?xt=urn:btih:{'a' * 40}", "--to", "state/intake.yaml"]) == 4
    assert "is not a file of the desired state" in capsys.readouterr().err


def test_without_an_intake_or_its_file_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films.yaml").write_text("version: 1\n")
    (tmp_path / "desired.yaml").write_text(DESIRED)
    assert run_command_line(["intake", "list"]) == 0
    assert "state/intake.yaml does not exist here" in capsys.readouterr().out
    assert run_command_line(["intake", "promote", "x", "films.yaml"]) == 1
    assert "run this where the sidecar runs" in capsys.readouterr().err
    (tmp_path / "desired.yaml").write_text(DESIRED.replace("intake:", "x-intake:"))
    assert run_command_line(["intake", "list"]) == 4
    assert "no intake is declared" in capsys.readouterr().err
