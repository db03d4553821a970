"""Rules for the files of a torrent: globs, and the rule that applies."""

from __future__ import annotations

import unicodedata

import pytest

from reconciler.model.files import FileRule, LiveFile, Priority, find_wrong_priorities, hint_at_files

PATHS = ["T/a.mkv", "T/Extras/b.nfo", "T/Extras/deep/c.nfo", "T/Sample/s.mkv", "solo.nfo", "T/[x] d.txt"]


@pytest.mark.parametrize(
    ("glob", "matched"),
    [
        ("*.nfo", {"T/Extras/b.nfo", "T/Extras/deep/c.nfo", "solo.nfo"}),
        ("Extras/*", {"T/Extras/b.nfo"}),
        ("Extras/**", {"T/Extras/b.nfo", "T/Extras/deep/c.nfo"}),
        ("Extras/**/*.nfo", {"T/Extras/b.nfo", "T/Extras/deep/c.nfo"}),
        ("/T/*", {"T/a.mkv", "T/[x] d.txt"}),
        ("/*.nfo", {"solo.nfo"}),
        ("/**/*.nfo", {"T/Extras/b.nfo", "T/Extras/deep/c.nfo", "solo.nfo"}),
        ("?.mkv", {"T/a.mkv", "T/Sample/s.mkv"}),
        ("[ab].*", {"T/a.mkv", "T/Extras/b.nfo"}),
        ("[[]x] d.txt", {"T/[x] d.txt"}),
        ("*.NFO", set()),
        ("Extras", set()),
        ("*", set(PATHS)),
        ("**", set(PATHS)),
        ("/**", set(PATHS)),
    ],
)
def test_globs(glob: str, matched: set[str]) -> None:
    rule = FileRule(glob, Priority.SKIP)
    assert {path for path in PATHS if rule.matches(path)} == matched
    assert rule.matches_all == (matched == set(PATHS))


def test_many_folders_of_any_number_are_no_trouble() -> None:
    rule = FileRule("/".join(["**", "*"] * 30) + "/x", Priority.SKIP)
    assert not rule.matches("/".join("a" * 60))


def test_the_first_rule_that_matches_counts() -> None:
    files = [LiveFile(n, path, Priority.NORMAL) for n, path in enumerate(PATHS)]
    rules = [FileRule("*.nfo", Priority.SKIP), FileRule("Extras/**", Priority.HIGH), FileRule("a.*", Priority.NORMAL)]
    assert [(file.path, wanted) for file, wanted in find_wrong_priorities(files, rules)] == [
        ("T/Extras/b.nfo", Priority.SKIP),
        ("T/Extras/deep/c.nfo", Priority.SKIP),
        ("solo.nfo", Priority.SKIP),
    ]


@pytest.mark.parametrize(("glob_form", "path_form"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_both_forms_of_unicode_are_equal(glob_form: str, path_form: str) -> None:
    glob, path = unicodedata.normalize(glob_form, "Café*.nfo"), unicodedata.normalize(path_form, "T/Café é.nfo")  # type: ignore[arg-type]
    assert FileRule(glob, Priority.SKIP).matches(path)
    assert not FileRule(glob, Priority.SKIP).matches("T/Cafe.nfo")


@pytest.mark.parametrize(
    ("glob", "hint"),
    [
        ("sample/**", 'Globs are case-sensitive, and the torrent has "T/Sample/s.mkv"'),
        ("*.txtt", 'The torrent has "T/a.mkv", "T/Extras/b.nfo", "T/Extras/deep/c.nfo" and 3 more'),
    ],
)
def test_a_hint_for_a_rule_that_matches_nothing_shows_the_files(glob: str, hint: str) -> None:
    assert hint_at_files(FileRule(glob, Priority.SKIP), PATHS) == hint
