"""Files that include others: one desired state, each file once, every error at its item."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

import pytest

from reconciler.desired import DesiredStateError, TorrentFileCache, list_read_files, load
from reconciler.model.desired import DesiredState
from reconciler.model.torrent_file import TorrentFile
from tests.support.desired_yaml import BUNNY, HEAD, SINTEL, STEEL, write_file
from tests.support.torrents import make_torrent


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a folder in it."""
    (tmp_path / "sets").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, include: str = "", magnet: str = "", head: str = "version: 1\n") -> None:
    text = head + (f"include: {include}\n" if include else "")
    write_file(Path(), text + (f'torrents: [{{magnet: "{magnet}"}}]\n' if magnet else ""), name)


def load_main(*paths: str) -> DesiredState:
    return load([Path(path) for path in paths or ("desired.yaml",)], {})


def problems(*paths: str) -> list[str]:
    with pytest.raises(DesiredStateError) as error:
        load_main(*paths)
    return [str(problem) for problem in error.value.problems]


def test_included_files_are_one_desired_state_with_the_file_that_names_them() -> None:
    write("desired.yaml", "[torrents.yaml, sets/*.yaml]", SINTEL, head=HEAD)
    write("torrents.yaml", magnet=BUNNY)
    write("sets/a.yaml", "[deep.yml]", head="version: 1\ncategories: {films: {}}\n")
    write("sets/deep.yml", magnet=STEEL)
    desired = load_main()
    files = ("desired.yaml", "torrents.yaml", "sets/a.yaml", "sets/deep.yml")
    assert desired.yaml_files == files
    assert [str(entry.position) for entry in desired.torrents] == [
        "desired.yaml:5:12",
        "torrents.yaml:2:12",
        "sets/deep.yml:2:12",
    ]
    assert list(desired.categories) == ["films"]
    assert set(files) | {"sets"} == set(desired.files), "a new file in the folder may match"
    assert list_read_files([Path("desired.yaml")]) == list(map(Path, files))


def test_each_document_of_a_file_may_include_others() -> None:
    write("desired.yaml", "[a.yaml]", head=HEAD)
    with Path("desired.yaml").open("a") as stream:
        stream.write("---\nversion: 1\nx-files: &files [b.yaml]\ninclude: *files\n")
    write("a.yaml", magnet=SINTEL)
    write("b.yaml", magnet=BUNNY)
    assert load_main().yaml_files == ("desired.yaml", "a.yaml", "b.yaml")


def test_paths_in_an_included_file_are_relative_to_it_and_its_defaults_are_its_own() -> None:
    write("desired.yaml", "[sets/a.yaml]", SINTEL, head=HEAD)
    write_file(Path(), "version: 1\ndefaults: {paused: true}\ntorrents: [{torrent: a.torrent}]\n", "sets/a.yaml")
    Path("sets/a.torrent").write_bytes(make_torrent(1))
    first, second = load_main().torrents
    assert first.paused is None and second.paused is True
    assert isinstance(second.source, TorrentFile)


def test_a_file_that_appears_right_before_its_folder_is_noted_is_included(folder: Path) -> None:
    """Otherwise whoever fingerprints the folder then would never learn of it."""
    noted = []

    def note(name: str) -> None:
        noted.append(name)
        if name == "sets":
            write("sets/late.yaml", magnet=STEEL)

    write("main.yaml", "[sets/*.yaml]", SINTEL, HEAD)
    write("sets/a.yaml", magnet=BUNNY)
    desired = load([Path("main.yaml")], {}, torrent_files=TorrentFileCache(before_read=note))
    assert len(desired.torrents) == 3
    assert noted == ["sets/a.yaml", "sets"]
    assert "sets/late.yaml" in desired.files


def test_the_links_of_a_configmap_are_followed(folder: Path) -> None:
    data = folder / "..2026"
    (data / "sets").mkdir(parents=True)
    for name, target in (("..data", "..2026"), ("mounted", "..data/sets"), ("main.yaml", "..data/main.yaml")):
        (folder / name).symlink_to(target)
    write("..2026/main.yaml", '["mounted/*.yaml"]', head=HEAD)
    write("..2026/sets/a.yaml", magnet=SINTEL)
    assert load_main("main.yaml").yaml_files == ("main.yaml", "mounted/a.yaml")
    assert load_main(str(folder / "main.yaml")).yaml_files == (f"{folder}/main.yaml", f"{folder}/mounted/a.yaml")


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("[../x.yaml]", 'desired.yaml:4:11: a file to include must be a path without "..". Name a file below'),
        ("[torrents.yaml, typo.yaml]", "desired.yaml:4:26: there is no file typo.yaml. Check the path"),
        ("[set/*.yaml]", "desired.yaml:4:11: no *.yaml or *.yml file matches this. Check the pattern"),
        ("[sets]", 'desired.yaml:4:11: this is a folder, not a file. Write "sets/*.yaml" to include its files'),
        ("[empty.yaml]", "desired.yaml:4:11: empty.yaml: this file is empty. Begin it"),
        ("[pipe.yaml]", "desired.yaml:4:11: pipe.yaml: this file is not read: it is not a regular file"),
        ("[latin.yaml]", "latin.yaml:2:8: this byte is not UTF-8"),
        ("[broken.yaml]", "broken.yaml:3:1: "),
        ("torrents.yaml", 'desired.yaml:4:10: "include" must be a list. Write "include: [torrents.yaml'),
        ("[5]", 'desired.yaml:4:11: a file to include must be text, and this means a number. Put it in quotes: "5"'),
        ("[null]", "desired.yaml:4:11: a file to include has no value"),
    ],
)
@pytest.mark.timeout(10)
def test_an_error_is_reported_at_the_item_and_nothing_is_said_about_what_is_missing(
    include: str, expected: str
) -> None:
    write("desired.yaml", include, head="version: 1\n# without policy\n# and instances\n")
    write("torrents.yaml", magnet=SINTEL)
    Path("empty.yaml").touch()
    Path("latin.yaml").write_bytes(b"version: 1\nowner: \xe9\n")
    Path("broken.yaml").write_text("version: 1\ntorrents: [\n")
    os.mkfifo("pipe.yaml")
    (problem,) = problems()
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("includes", "expected"),
    [
        ({"desired": "[desired.yaml]"}, "desired.yaml:4:11: a file cannot include itself"),
        ({"desired": '["*.yaml"]'}, "desired.yaml:4:11: a file cannot include itself. Narrow the pattern"),
        (
            {"desired": "[a.yaml]", "a": "[desired.yaml]"},
            "a.yaml:2:11: desired.yaml already includes this file, at desired.yaml:4:11. Remove one of the two",
        ),
        (
            {"desired": "[a.yaml]", "a": "[b.yaml]", "b": "[desired.yaml]"},
            "b.yaml:2:11: desired.yaml already includes this file, at desired.yaml:4:11",
        ),
        (
            {"desired": "[a.yaml, b.yaml]", "a": "[b.yaml]"},
            "a.yaml:2:11: b.yaml is already included at desired.yaml:4:19. Include it once",
        ),
        (
            {"desired": "[a.yaml, ./a.yaml]"},
            "desired.yaml:4:19: a.yaml is already included at desired.yaml:4:11. Include it once",
        ),
        (
            {"desired": '[a.yaml, "[ab].yaml"]'},
            "desired.yaml:4:19: a.yaml is already included at desired.yaml:4:11. Include it once",
        ),
        ({"desired": "[link.yaml, a.yaml]"}, "desired.yaml:4:22: a.yaml is already included at desired.yaml:4:11"),
    ],
)
def test_circles_and_doubles_name_both_places(includes: dict[str, str], expected: str) -> None:
    write("a.yaml", magnet=SINTEL)
    write("b.yaml", magnet=BUNNY)
    for name, include in includes.items():
        write(f"{name}.yaml", include, head=HEAD if name == "desired" else "version: 1\n")
    if "link.yaml" in includes["desired"]:
        Path("link.yaml").symlink_to("a.yaml")
    (problem,) = problems()
    assert problem.startswith(expected)


def test_a_file_that_is_both_named_and_included_is_an_error_in_any_order() -> None:
    write("desired.yaml", "[a.yaml]", head=HEAD)
    write("a.yaml", magnet=SINTEL)
    for paths in (("desired.yaml", "a.yaml"), ("a.yaml", "desired.yaml")):
        assert problems(*paths) == ["desired.yaml:4:11: a.yaml is read twice: -f names a.yaml too. Name it once"]
    assert problems(".") == ["desired.yaml:4:11: a.yaml is read twice: -f names a.yaml too. Name it once"]


def test_all_problems_of_all_files_are_reported_at_once() -> None:
    write("desired.yaml", "[a.yaml, none.yaml, sets/b.yaml]", head=HEAD)
    write_file(Path(), "version: 1\nlorem: 1\n", "a.yaml")
    write_file(Path(), "version: 1\ninclude: [none.yaml]\npolicy: sync\n", "sets/b.yaml")
    positions = [problem.split(": ")[0] for problem in problems()]
    assert positions == ["a.yaml:2:1", "desired.yaml:4:19", "sets/b.yaml:2:11", "sets/b.yaml:3:1"]


def test_the_files_of_a_failed_load_are_those_whose_change_may_mend_it() -> None:
    write("desired.yaml", '[none.yaml, "set*/*.yaml"]', head=HEAD)
    with pytest.raises(DesiredStateError) as error:
        load_main()
    assert set(error.value.files) == {"desired.yaml", "none.yaml", ".", "sets"}


@pytest.mark.timeout(20)
def test_a_chain_of_files_that_is_longer_than_the_stack_is_read() -> None:
    """The stack is that of this test and 200 frames more, for the chain not to take a second."""
    for number in range(250):
        write(f"{number}.yaml", f"[{number + 1}.yaml]", head="version: 1\n" if number else HEAD)
    write("250.yaml", magnet=SINTEL)
    usual_limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 200)
    try:
        desired = load_main("0.yaml")
    finally:
        sys.setrecursionlimit(usual_limit)
    assert len(desired.yaml_files) == 251
