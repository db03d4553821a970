"""The desired state on disk and the last good one."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from reconciler.desired import load
from reconciler.intake import IntakeStore
from reconciler.model.intake import HandedIn
from reconciler.watch import desired_source as module
from reconciler.watch.desired_source import DesiredSource
from tests.support.magnets import make_magnet
from tests.support.torrents import make_torrent

HEAD = "version: 1\npolicy: sync\ninstances:\n  box:\n    url: http://box\n    username: u\n"


def write(folder: Path, secret: str = "secret", more: str = "") -> Path:
    """A desired state whose password is in a file."""
    file = folder / "desired.yaml"
    file.write_text(f"{HEAD}    password: {{file: {secret}}}\n{more}")
    return file


@pytest.fixture
def source(tmp_path: Path) -> DesiredSource:
    """One that has been read."""
    (tmp_path / "secret").write_text("one")
    return DesiredSource([write(tmp_path)], {})


def password(source: DesiredSource) -> str:
    """The password as it was read."""
    secret = source.desired.instances["box"].password
    assert secret
    return secret.reveal()


def test_a_secret_is_one_of_its_files(source: DesiredSource, tmp_path: Path) -> None:
    assert {file.name for file in source.list_files()} == {"desired.yaml", "secret"}
    assert source.fingerprint_files() == source.read_fingerprints
    (tmp_path / "secret").write_text("two")
    assert source.fingerprint_files() != source.read_fingerprints
    assert source.read()
    assert password(source) == "two"
    assert source.fingerprint_files() == source.read_fingerprints


def test_a_torrent_file_is_one_of_its_files(source: DesiredSource, tmp_path: Path) -> None:
    write(tmp_path, more="torrents:\n- torrent: a.torrent\n")
    assert source.read() and source.problems, "it is missing"
    (tmp_path / "a.torrent").write_bytes(make_torrent(1))
    assert source.fingerprint_files() != source.read_fingerprints
    assert source.read() and not source.problems
    (tmp_path / "a.torrent").write_bytes(make_torrent(2))
    assert source.fingerprint_files() != source.read_fingerprints
    assert source.read()
    assert [entry.label for entry in source.desired.torrents] == ["torrent-2"]


def test_newly_named_files_are_fingerprinted_before_they_are_read(source: DesiredSource, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("three")
    write(tmp_path, "other")
    assert source.read()
    assert password(source) == "three"
    assert {file.name for file in source.list_files()} == {"desired.yaml", "other"}


MANY_FILES = "include: [sets/*.yaml]\nintake: {file: intake.yaml, instance: box}\ntorrents:\n- torrent: a.torrent\n"


@pytest.fixture
def many_files(tmp_path: Path) -> Path:
    """A desired state that names a file of every kind, and a folder."""
    (tmp_path / "secret").write_text("one")
    (tmp_path / "a.torrent").write_bytes(make_torrent(1))
    (tmp_path / "intake.yaml").write_text("version: 1\n")
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "a.yaml").write_text("version: 1\n")
    return write(tmp_path, more=MANY_FILES)


class Loads:
    """Counts the loads, and writes a file at the end of the first one."""

    def __init__(self, file: Path | None = None, content: bytes = b"") -> None:
        self.count, self._file, self._content = 0, file, content

    def __call__(self, *args: Any, **options: Any) -> Any:
        self.count += 1
        loaded_state = load(*args, **options)
        if self._file and self.count == 1:
            self._file.write_bytes(self._content)
        return loaded_state


def test_files_that_are_named_for_the_first_time_are_read_once(
    many_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "load", loads := Loads())
    source = DesiredSource([many_files], {})
    assert loads.count == 1
    assert source.fingerprint_files() == source.read_fingerprints
    assert len(source.read_fingerprints) == 6


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("secret", b"two"),
        ("a.torrent", make_torrent(2)),
        ("sets/a.yaml", b"version: 1\ncategories: {new: {}}\n"),
        ("sets/b.yaml", b"version: 1\ncategories: {new: {}}\n"),
    ],
)
def test_file_named_for_the_first_time_and_written_while_it_is_read_is_read_again(
    many_files: Path, name: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "load", loads := Loads(many_files.parent / name, content))
    source = DesiredSource([many_files], {})
    assert loads.count == 2
    assert source.fingerprint_files() == source.read_fingerprints
    news = password(source), [entry.label for entry in source.desired.torrents], set(source.desired.categories)
    assert news != ("one", ["torrent-1"], set())


def test_secret_file_that_is_missing_for_a_while(source: DesiredSource, tmp_path: Path) -> None:
    (tmp_path / "secret").unlink()
    assert source.read()
    assert source.problems and password(source) == "one"
    (tmp_path / "secret").write_text("four")
    assert source.fingerprint_files() != source.read_fingerprints
    assert source.read()
    assert not source.problems and password(source) == "four"


def test_a_broken_file_hides_none_of_the_files_of_the_last_good_state(source: DesiredSource, tmp_path: Path) -> None:
    (tmp_path / "desired.yaml").write_text("version: [")
    assert source.read()
    assert source.problems
    assert {file.name for file in source.list_files()} == {"desired.yaml", "secret"}


def test_file_written_during_a_read_is_not_accepted(
    source: DesiredSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = source.desired

    def meanwhile(*args: Any, **options: Any) -> Any:
        loaded_state = load(*args, **options)
        write(tmp_path, more="# still writing\n")
        return loaded_state

    write(tmp_path, more="torrents: []\n")
    monkeypatch.setattr(module, "load", meanwhile)
    assert not source.read()
    assert source.desired is before and not source.problems
    monkeypatch.undo()
    assert source.read()
    assert source.desired is not before


@pytest.mark.parametrize("has_upload", [False, True])
def test_what_services_hand_in_during_a_read_lets_it_count_and_is_read_next(
    tmp_path: Path, has_upload: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("one")
    source = DesiredSource([write(tmp_path, more="intake: {file: intake.yaml, instance: box}\n")], {})
    store = IntakeStore(lambda: source.desired)
    store.open()
    numbers = count(1)

    def hand_in() -> None:
        torrent = HandedIn(content=make_torrent(next(numbers))) if has_upload else HandedIn(make_magnet(next(numbers)))
        store.hand_in([torrent])

    def meanwhile(*args: Any, **options: Any) -> Any:
        loaded_state = load(*args, **options)
        hand_in()
        return loaded_state

    hand_in()
    monkeypatch.setattr(module, "load", meanwhile)
    for read_count in (1, 2):
        assert source.read() and not source.problems
        assert len(source.desired.torrents) == read_count
        assert source.fingerprint_files() != source.read_fingerprints, "there is more to read"
    monkeypatch.undo()
    assert source.read() and len(source.desired.torrents) == 3
    assert source.fingerprint_files() == source.read_fingerprints


def test_folder_with_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("one")
    write(tmp_path)
    source = DesiredSource([tmp_path], {})
    (tmp_path / "more.yml").write_text("version: 1\ntorrents: []\n")
    assert source.fingerprint_files() != source.read_fingerprints
    assert source.read()
    assert {file.name for file in source.list_files()} == {"desired.yaml", "more.yml", "secret"}


def test_included_files_and_new_ones_that_match_are_among_its_files(source: DesiredSource, tmp_path: Path) -> None:
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "a.yaml").write_text("version: 1\n")
    write(tmp_path, more="include: [sets/*.yaml]\n")
    assert source.fingerprint_files() != source.read_fingerprints
    assert source.read() and not source.problems
    assert {file.name for file in source.list_files()} == {"desired.yaml", "secret", "sets", "a.yaml"}
    for name, text in (
        ("a.yaml", "version: 1\ncategories: {a: {}}\n"),
        ("b.yaml", "version: 1\ncategories: {b: {}}\n"),
    ):
        assert source.fingerprint_files() == source.read_fingerprints
        (tmp_path / "sets" / name).write_text(text)
        assert source.fingerprint_files() != source.read_fingerprints
        assert source.read() and not source.problems
    assert set(source.desired.categories) == {"a", "b"}
    (tmp_path / "sets" / "notes.txt").write_text("no file of ours")
    assert source.fingerprint_files() == source.read_fingerprints


def test_a_glob_that_matches_nothing_any_more_keeps_the_last_good_state(source: DesiredSource, tmp_path: Path) -> None:
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "a.yaml").write_text("version: 1\ncategories: {a: {}}\n")
    write(tmp_path, more="include: [sets/*.yaml]\n")
    assert source.read()
    (tmp_path / "sets" / "a.yaml").rename(tmp_path / "sets" / "a.bak")
    assert source.fingerprint_files() != source.read_fingerprints
    assert source.read() and source.problems
    assert set(source.desired.categories) == {"a"}
    (tmp_path / "sets" / "a.bak").rename(tmp_path / "sets" / "a.yaml")
    assert source.fingerprint_files() != source.read_fingerprints
    assert source.read() and not source.problems


def test_a_configmap_that_is_replaced_replaces_the_included_files(tmp_path: Path) -> None:
    def update(number: int, names: list[str]) -> None:
        data = tmp_path / f"..{number}"
        data.mkdir()
        (data / "desired.yaml").write_text(f"{HEAD}    password: x\ninclude: ['[a-z].yaml']\n")
        for name in names:
            (data / f"{name}.yaml").write_text(f"version: 1\ncategories: {{{name}{number}: {{}}}}\n")
        (tmp_path / "..tmp").symlink_to(data.name)
        (tmp_path / "..tmp").replace(tmp_path / "..data")
        for name in ("desired", *names):
            if not (tmp_path / f"{name}.yaml").is_symlink():
                (tmp_path / f"{name}.yaml").symlink_to(f"..data/{name}.yaml")

    update(1, ["a"])
    source = DesiredSource([tmp_path / "desired.yaml"], {})
    assert set(source.desired.categories) == {"a1"}
    update(2, ["a", "b"])
    assert source.fingerprint_files() != source.read_fingerprints
    assert source.read() and not source.problems
    assert set(source.desired.categories) == {"a2", "b2"}
