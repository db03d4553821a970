"""The files that an item of `include` names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.desired.includes import find_included_files

FILES = (
    "torrents.yaml",
    "more.yml",
    "readme.md",
    ".hidden.yaml",
    "sets/a.yaml",
    "sets/b.yml",
    "sets/deep/c.yaml",
    "sets/deep/notes.txt",
    ".git/d.yaml",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files, in a folder with another file."""
    (tmp_path / "outside.yaml").touch()
    for name in FILES:
        path = tmp_path / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "config"


def find(folder: Path, text: str) -> list[str]:
    found = find_included_files(folder, text)
    assert found.error is None, found.error
    return [str(path.relative_to(folder)) for path in found.files]


def refusal(folder: Path, text: str) -> str:
    error = find_included_files(folder, text).error
    assert error
    return error.message.replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("torrents.yaml", ["torrents.yaml"]),
        ("./sets//a.yaml", ["sets/a.yaml"]),
        ("readme.md", ["readme.md"]),
        (".hidden.yaml", [".hidden.yaml"]),
        ("*.yaml", ["torrents.yaml"]),
        ("*", ["more.yml", "torrents.yaml"]),
        (".*", [".hidden.yaml"]),
        ("*/*.yaml", ["sets/a.yaml"]),
        ("sets/*", ["sets/a.yaml", "sets/b.yml"]),
        ("sets/[a-b].y*ml", ["sets/a.yaml", "sets/b.yml"]),
        ("s?ts/a.yaml", ["sets/a.yaml"]),
        ("**", ["more.yml", "sets/a.yaml", "sets/b.yml", "sets/deep/c.yaml", "torrents.yaml"]),
        ("**/c.yaml", ["sets/deep/c.yaml"]),
        ("**/**/deep/**/*.yaml", ["sets/deep/c.yaml"]),
    ],
)
def test_paths_and_globs_find_files_below_the_folder(folder: Path, text: str, expected: list[str]) -> None:
    assert find(folder, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("../outside.yaml", 'a file to include must be a path without ".."'),
        ("sets/../torrents.yaml", 'a file to include must be a path without ".."'),
        ("*/../../outside.yaml", 'a file to include must be a path without ".."'),
        ("/etc/*.yaml", "a file to include must be a relative path"),
        ("https://example.org/a.yaml", "a URL cannot be included"),
        ("", "this names no file to include"),
        (".", "this names no file to include"),
        ("a\0b", "a file to include must be a path without control characters"),
        ("torrent.yaml", "there is no file torrent.yaml"),
        ("sets", "this is a folder, not a file"),
        ("set/*.yaml", "no *.yaml or *.yml file matches this"),
        ("sets/*.md", "no *.yaml or *.yml file matches this"),
        ("torrents.yaml/*.yaml", "no *.yaml or *.yml file matches this"),
    ],
)
def test_what_names_no_file_below_the_folder_is_refused(folder: Path, text: str, expected: str) -> None:
    assert refusal(folder, text) == expected


@pytest.mark.parametrize("text", ["link.yaml", "l*.yaml", "dir/outside.yaml", "dir/*.yaml", "*/outside.yaml", "**"])
def test_a_link_that_leads_out_is_refused(folder: Path, text: str) -> None:
    (folder / "link.yaml").symlink_to("../outside.yaml")
    (folder / "dir").symlink_to("..")
    assert refusal(folder, text).endswith(": a link leads out of the folder of this file, and is not followed")


def test_links_within_the_folder_are_followed_once(folder: Path) -> None:
    (folder / "..data").symlink_to(".git")
    (folder / "d.yaml").symlink_to("..data/d.yaml")
    (folder / "again").symlink_to("sets")
    (folder / "sets" / "up").symlink_to("..")
    assert find(folder, "d.yaml") == ["d.yaml"]
    assert find(folder, "again/*.yaml") == ["again/a.yaml"]
    names = [os.path.realpath(folder / name) for name in find(folder, "**")]
    assert sorted(names) == sorted(set(names))
    assert str(folder / ".git" / "d.yaml") in names


def test_the_searched_folders_are_those_where_a_new_file_may_match(folder: Path) -> None:
    found = find_included_files(folder, "s*/none.yaml")
    assert found.error
    assert found.folders == [folder, folder / "sets"]


def test_a_file_that_is_about_to_be_written_need_not_exist(folder: Path) -> None:
    found = find_included_files(folder, "new.yaml", [folder / "new.yaml"])
    assert found.error is None
    assert found.files == [folder / "new.yaml"]


@pytest.mark.timeout(5)
def test_a_glob_with_many_stars_ends(folder: Path) -> None:
    assert refusal(folder, "**/" * 50 + "*a" * 50 + ".yaml") == "no *.yaml or *.yml file matches this"
