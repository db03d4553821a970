"""A file that has not changed is not parsed again, and means the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.desired import DesiredStateError, ParsedFiles, TorrentFileCache, documents, load
from reconciler.desired.files import SourceFile
from reconciler.desired.yaml.entries import compose_nodes
from tests.support.magnets import make_magnet

INTAKE = "intake: {file: intake.yaml}\n"
HEAD = "version: 1\npolicy: sync\nowner: me\ninstances: {box: {url: 'http://127.0.0.1:1'}}\n"


def write(folder: Path, name: str, *numbers: int, head: str = "version: 1\n") -> Path:
    entries = "".join(f"  - magnet: {make_magnet(number)}\n    tags: [a]\n" for number in numbers)
    (folder / name).write_text(f"{head}torrents:\n{entries or '  []'}\n")
    return folder / name


@pytest.fixture
def parsed_names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are parsed."""
    names = list[str]()

    def note(name: str, text: str) -> Any:
        names.append(Path(name).name)
        return compose_nodes(name, text)

    monkeypatch.setattr(documents, "compose_nodes", note)
    return names


def test_with_an_intake_only_what_has_changed_is_parsed(tmp_path: Path, parsed_names: list[str]) -> None:
    first, second = write(tmp_path, "a.yaml", 1, head=HEAD + INTAKE), write(tmp_path, "b.yaml", 2)
    cache = TorrentFileCache(parsed=ParsedFiles())
    for changed, names in (("intake.yaml", ["a.yaml", "b.yaml", "intake.yaml"]), ("intake.yaml", ["intake.yaml"])):
        write(tmp_path, changed, 3 + len(parsed_names))
        parsed_names.clear()
        again = load([first, second], {}, torrent_files=cache)
        assert parsed_names == names
        assert again == load([first, second], {}), "it means the same"
    write(tmp_path, "b.yaml", 5)
    parsed_names.clear()
    load([first, second], {}, torrent_files=cache)
    assert parsed_names == ["b.yaml"]


def test_without_an_intake_nothing_is_kept(tmp_path: Path, parsed_names: list[str]) -> None:
    file, cache = write(tmp_path, "a.yaml", 1, head=HEAD), TorrentFileCache(parsed=ParsedFiles())
    for _ in range(2):
        load([file], {}, torrent_files=cache)
    assert parsed_names == ["a.yaml"] * 2


def test_problems_of_a_file_are_found_each_time(tmp_path: Path) -> None:
    cache = TorrentFileCache(parsed=ParsedFiles())
    for text in ("torrents: [{magnet: x}]\n", "torrents: [\n", "torrents: &a [*a]\n"):
        (tmp_path / "a.yaml").write_text(HEAD + INTAKE + text)
        problems = []
        for torrent_files in (cache, cache, TorrentFileCache()):
            with pytest.raises(DesiredStateError) as caught:
                load([tmp_path / "a.yaml"], {}, torrent_files=torrent_files)
            problems.append(caught.value.problems)
        assert problems[0] == problems[1] == problems[2]


def test_only_the_files_of_the_last_load_are_kept() -> None:
    parsed, source = ParsedFiles(), SourceFile("a.yaml", Path(), "version: 1")
    known: Any = (None, [])
    parsed.keep(source, known)
    parsed.begin_load()
    assert parsed.find(source) is known
    assert parsed.find(SourceFile("a.yaml", Path(), "version: 2")) is None
    for _ in range(2):
        parsed.begin_load()
    assert parsed.find(source) is None
