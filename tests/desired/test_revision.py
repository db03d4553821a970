"""Revisions of real git repositories: what is read, what is refused, and that nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired.revision import GitRevision, RevisionError, parse_revision
from tests.support.repositories import Repository


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with one commit, as the current folder."""
    (tmp_path / "repository").mkdir()
    monkeypatch.chdir(tmp_path / "repository")
    repository = Repository.create(tmp_path / "repository")
    repository.commit({"desired.yaml": "old", "sets/a.yaml": "a", "sets/x.torrent": b"\0x", "README": "no"})
    return repository


def copy(revision: GitRevision, folder: Path) -> dict[str, bytes]:
    """Return the initial files of a revision, copied."""
    folder.mkdir()
    revision.copy_files(revision.select_initial_files(), folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_revision_is_read_as_it_was_committed(repository: Repository, tmp_path: Path) -> None:
    first = repository.run("rev-parse", "HEAD")
    repository.commit({"desired.yaml": "new"})
    repository.write({"desired.yaml": "not committed"})
    revision = parse_revision("git:HEAD~1")
    assert (revision.commit, revision.path) == (first, "desired.yaml")
    assert copy(revision, tmp_path / "copy") == {"desired.yaml": b"old", "sets/a.yaml": b"a", "sets/x.torrent": b"\0x"}
    assert repository.run("status", "--porcelain") == "M desired.yaml"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("git:main", "desired.yaml"),
        ("git:main:sets", "sets"),
        ("git:main:sets/", "sets"),
        ("git:main:.", "."),
        ("git:main:./desired.yaml", "desired.yaml"),
        ("git:main^{commit}:sets/../desired.yaml", "desired.yaml"),
        ("git:main:README", "README"),
    ],
)
def test_paths_begin_at_the_top(repository: Repository, text: str, path: str) -> None:
    assert parse_revision(text).path == path


def test_in_a_folder_of_the_repository_a_path_may_begin_there(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"sets/desired.yaml": "within"})
    monkeypatch.chdir(repository.folder / "sets")
    assert parse_revision("git:HEAD").path == "sets/desired.yaml"
    assert parse_revision("git:HEAD:./a.yaml").path == "sets/a.yaml"
    assert parse_revision("git:HEAD:../desired.yaml").path == "desired.yaml"
    assert parse_revision("git:HEAD:desired.yaml").path == "desired.yaml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("git:", "names no revision"),
        ("git::desired.yaml", "names no revision"),
        ("git:--output=owned", "names no revision"),
        ("git:-h:desired.yaml", "names no revision"),
        ("git:nope", 'no revision "nope" in this repository'),
        ("git:HEAD:nope.yaml", "there is no nope.yaml in HEAD"),
        ("git:HEAD:../x", "leads out of the repository"),
        ("git:HEAD:/etc/passwd", "leads out of the repository"),
        ("git:HEAD:./../../x", "leads out of the repository"),
    ],
)
def test_what_names_nothing_is_refused(repository: Repository, text: str, message: str) -> None:
    with pytest.raises(RevisionError, match=message):
        parse_revision(text)
    assert [path.name for path in repository.folder.iterdir() if path.name not in (".git", "sets")] in (
        ["desired.yaml", "README"],
        ["README", "desired.yaml"],
    )


def test_a_folder_outside_of_git_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(RevisionError, match="is for a folder in a git repository: not a git repository"):
        parse_revision("git:HEAD")


def test_without_git_the_message_says_so(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(RevisionError, match="needs the program git"):
        parse_revision("git:HEAD")


def test_no_attribute_of_the_repository_hides_or_changes_a_file(repository: Repository, tmp_path: Path) -> None:
    repository.run("config", "filter.upper.smudge", "tr a-z A-Z")
    attributes = "desired.yaml export-ignore\nsets/a.yaml filter=upper export-subst\n"
    repository.commit({".gitattributes": attributes, "sets/a.yaml": "$Format:%H$ a"})
    copies = copy(parse_revision("git:HEAD"), tmp_path / "copy")
    assert copies["desired.yaml"] == b"old"
    assert copies["sets/a.yaml"] == b"$Format:%H$ a"


def test_links_are_followed_within_the_repository_only(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text("secret")
    (repository.folder / "sets" / "same.yaml").symlink_to("../desired.yaml")
    (repository.folder / "sets" / "out.yaml").symlink_to("../../outside.yaml")
    (repository.folder / "sets" / "absolute.yaml").symlink_to(tmp_path / "outside.yaml")
    repository.commit()
    copies = copy(parse_revision("git:HEAD"), tmp_path / "copy")
    assert copies["sets/same.yaml"] == b"old"
    assert not {"sets/out.yaml", "sets/absolute.yaml"} & copies.keys()


def test_names_with_spaces_and_line_breaks_are_names(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a b\nc.yaml": "odd", "ä.yaml": "ü"})
    copies = copy(parse_revision("git:HEAD"), tmp_path / "copy")
    assert (copies["a b\nc.yaml"], copies["ä.yaml"]) == (b"odd", "ü".encode())
