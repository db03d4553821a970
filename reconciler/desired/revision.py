"""Desired states in git: the files of a revision, copied into a folder, from where they are loaded like any others.

Nothing is checked out, so the working tree and the index stay as they are, and no filter or attribute of the repository
decides what is read. Secrets are files that a desired state names; whoever loads a revision reads none.
"""

from __future__ import annotations

import os
import posixpath
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import IO, Final

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.metainfo import MAX_TORRENT_FILE_BYTES

PREFIX: Final = "git:"
DEFAULT_PATH: Final = "./desired.yaml"
_TIMEOUT: Final = 120  # seconds for one call of git
_MAX_YAML_BYTES: Final = 256 << 20
_COPIED_SUFFIXES: Final = (".yaml", ".yml", ".torrent")
_LINK_MODE, _FILE_MODES = "120000", frozenset({"100644", "100755"})
_FETCH_HINT: Final = "Check the name; a shallow clone has only the newest commits (git fetch --unshallow)"


class RevisionError(Exception):
    """A revision that cannot be read. The message says why and what to do, and is safe to show after sanitizing."""


@dataclass(frozen=True, slots=True)
class _TreeEntry:
    """A file as a tree of git lists it."""

    mode: str
    object_id: str
    size: int


@dataclass(frozen=True, slots=True)
class GitRevision:
    """The files of one commit, by their paths from the top of the repository. `path`: the desired state among them."""

    text: str
    commit: str
    path: str
    entries: Mapping[str, _TreeEntry]

    def select_initial_files(self) -> set[str]:
        """Return the paths that a load is likely to read: all YAML and .torrent files, and the desired state itself."""
        return {path for path in self.entries if path == self.path or path.endswith(_COPIED_SUFFIXES)}

    def copy_files(self, paths: Collection[str], folder: Path) -> None:
        """Copy these files into a folder, at their paths. Raises `RevisionError`."""
        files = []
        for path in sorted(paths):
            entry, target = self.entries[path], folder / path
            limit = MAX_TORRENT_FILE_BYTES if path.endswith(".torrent") else _MAX_YAML_BYTES
            if entry.size <= limit and not target.exists():
                files.append((path, entry, target))
        with tempfile.TemporaryFile() as request:
            request.write("".join(f"{entry.object_id}\n" for _, entry, _ in files).encode("ascii"))
            request.seek(0)
            with _start_git(["cat-file", "--batch"], request) as process:
                assert process.stdout
                for path, entry, target in files:
                    _write_copy(target, path, entry, _read_object(process.stdout))


def parse_revision(text: str) -> GitRevision:
    """Find the revision that `git:REV[:PATH]` means, and list its files. Raises `RevisionError`.

    PATH is a path from the top of the repository, or with `./` from the current folder, as git itself takes it.
    """
    revision, _, path = text.removeprefix(PREFIX).partition(":")
    if not revision or revision.startswith("-") or "\0" in text:
        raise RevisionError(f'"{text}" names no revision. Write it like git:main or git:HEAD~1:torrents/desired.yaml')
    commit = _resolve_commit(revision)
    relative_path = _normalize_path(path or DEFAULT_PATH, text)
    entries = _list_entries(commit)
    is_folder = relative_path == "." or any(name.startswith(f"{relative_path}/") for name in entries)
    if relative_path not in entries and not is_folder:
        raise RevisionError(f"there is no {relative_path} in {revision}. Name the file: git:{revision}:PATH")
    return GitRevision(text, commit, relative_path, entries)


def _resolve_commit(revision: str) -> str:
    try:
        _run_git(["rev-parse", "--git-dir"])
    except _GitFailure as failure:
        raise RevisionError(f"git: is for a folder in a git repository: {failure}") from failure
    try:
        return _run_git(["rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]).decode("ascii").strip()
    except _GitFailure as failure:
        raise RevisionError(f'there is no revision "{revision}" in this repository. {_FETCH_HINT}') from failure


def _normalize_path(path: str, text: str) -> str:
    """Return a path from the top of the repository."""
    if path.startswith(("./", "../")) or path in (".", ".."):
        prefix = os.fsdecode(_run_git(["rev-parse", "--show-prefix"])).rstrip("\n")
        path = posixpath.join(prefix, path)
    normalized = posixpath.normpath(path)
    if normalized.startswith(("/", "../")) or normalized == "..":
        raise RevisionError(f"{text} leads out of the repository. PATH begins at its top, or with ./ here")
    return normalized


def _list_entries(commit: str) -> dict[str, _TreeEntry]:
    entries = {}
    for line in _run_git(["ls-tree", "-r", "-l", "-z", "--full-tree", commit]).split(b"\0"):
        facts, _, path = line.partition(b"\t")
        if not path:
            continue
        mode, kind, object_id, size = facts.decode("ascii").split()
        name = os.fsdecode(path)
        if kind == "blob" and not _is_unsafe(name) and (mode in _FILE_MODES or mode == _LINK_MODE):
            entries[name] = _TreeEntry(mode, object_id, int(size))
    return entries


def _is_unsafe(path: str) -> bool:
    """Return True for a path that a repository cannot have, unless somebody made it to write outside of a folder."""
    return path.startswith("/") or any(step in ("..", ".", "") for step in path.split("/"))


def _write_copy(target: Path, path: str, entry: _TreeEntry, data: bytes) -> None:
    """Write a file, or a link unless it leads out of the repository."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry.mode != _LINK_MODE:
        target.write_bytes(data)
        return
    destination = os.fsdecode(data)
    if not posixpath.normpath(posixpath.join(posixpath.dirname(path), destination)).startswith(("/", "../")):
        target.symlink_to(destination)


def _read_object(stream: IO[bytes]) -> bytes:
    """Read one object from `cat-file --batch`."""
    header = stream.readline().split()
    if len(header) != 3:  # "<id> missing": it is not in a partial clone
        raise RevisionError("the repository lacks a file of this revision. Fetch it, or use a full clone")
    data = stream.read(int(header[2]))
    stream.read(1)
    return data


class _GitFailure(Exception):
    """A call of git that failed, with what it said."""


def _run_git(arguments: Iterable[str]) -> bytes:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, timeout=_TIMEOUT, check=False, env=_git_environment()
        )
    except FileNotFoundError as error:
        raise RevisionError("git: needs the program git, which is not installed here") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RevisionError(f"git cannot be run: {error}") from error
    if done.returncode:
        lines = os.fsdecode(done.stderr).strip().splitlines()
        raise _GitFailure(lines[0].removeprefix("fatal: ") if lines else f"git ended with {done.returncode}")
    return done.stdout


def _start_git(arguments: Iterable[str], stdin: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["git", *arguments], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_git_environment()
    )


def _git_environment() -> dict[str, str]:
    """Return the environment for git: it asks for nothing, locks nothing and speaks English."""
    return {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
