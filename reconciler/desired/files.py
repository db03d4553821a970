"""Reads the files and directories that the user named.

See docs/decisions/0054-the-command-line-decides-what-files-may-reach.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.model.codes import Code
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Position, Problem
from reconciler.regular_file import UnsuitableFileError, leads_out, read_regular_file

_BOM_ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_MAX_YAML_BYTES: Final = 256 << 20  # of one file; an imported library of 100,000 torrents may need half of it
_LINK_TEXT: Final = "a link leads out of its folder here, and is not followed"
_LINK_HINT: Final = "Name the file or the folder that it leads to, or put the file here"
_EMPTY_FILE_HINT = 'Begin it with "version: 1"'


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One desired-state file. `name` is its path as the user gave it; paths in it are relative to `base`."""

    name: str
    base: Path
    text: str


def read_files(
    paths: Sequence[Path], texts: Mapping[Path, str] = MappingProxyType({})
) -> tuple[list[SourceFile], list[Problem]]:
    """Read every file of `paths`, in order. A directory stands for its `*.yaml` and `*.yml`, sorted by name.

    `texts` replaces the text of files, by path.
    """
    sources: list[SourceFile] = []
    problems: list[Problem] = []
    path_by_real_path: dict[str, Path] = {}
    if not paths:
        problems.append(_build_problem("desired state", Code.FILE_MISSING, "no file was given"))
    for path in _expand_paths(paths, problems):
        text = texts[path] if path in texts else _read_named_file(path, problems)
        if text is None:
            continue
        first = path_by_real_path.setdefault(os.path.realpath(path), path)
        if first is path:
            sources.append(SourceFile(str(path), path.parent, text))
        else:
            problems.append(
                _build_problem(str(path), Code.FILE_TWICE, f"this is the same file as {first}", "Name it once")
            )
    return sources, problems


def list_yaml_files(paths: Iterable[Path]) -> list[Path]:
    """List the files of `paths`, also missing ones. A directory stands for its `*.yaml` and `*.yml` at present."""
    return list(_expand_paths(paths, []))


def _expand_paths(paths: Iterable[Path], problems: list[Problem]) -> Iterable[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        if leads_out(path):
            problems.append(_build_problem(str(path), Code.LINK_LEADS_OUT, _LINK_TEXT, _LINK_HINT))
            continue
        try:
            yaml_files = sorted(entry for entry in path.iterdir() if _is_yaml_file(entry))
        except OSError as error:
            problems.append(
                _build_problem(str(path), Code.FILE_UNREADABLE, f"this directory cannot be read: {error.strerror}")
            )
            continue
        if not yaml_files:
            problems.append(
                _build_problem(str(path), Code.FILE_UNREADABLE, "this directory contains no *.yaml or *.yml file")
            )
        yield from yaml_files


def _is_yaml_file(path: Path) -> bool:
    """True for a YAML file that is not hidden: editors use hidden names for locks and backups."""
    return is_yaml_name(path.name) and not path.is_dir()


def is_yaml_name(name: str) -> bool:
    """Return True for the name of a YAML file that is not hidden."""
    return name.endswith((".yaml", ".yml")) and not name.startswith(".")


def _read_named_file(path: Path, problems: list[Problem]) -> str | None:
    """Return the text of a file, unless a link leads out of its folder."""
    try:
        if leads_out(path):
            problems.append(_build_problem(str(path), Code.LINK_LEADS_OUT, _LINK_TEXT, _LINK_HINT))
            return None
        return read_text(path, problems)
    except ValueError:
        problems.append(
            _build_problem("desired state", Code.FILE_UNREADABLE, "a path contains a NUL character", "Check the path")
        )
        return None


def read_text(path: Path, problems: list[Problem]) -> str | None:
    """Return the text of one file without its byte order mark; None, with a problem, where it cannot be read."""
    name = str(path)
    try:
        raw = read_regular_file(path, _MAX_YAML_BYTES)
    except FileNotFoundError:
        problems.append(_build_problem(name, Code.FILE_MISSING, "there is no such file", "Check the path"))
        return None
    except UnsuitableFileError as error:
        problems.append(_build_problem(name, Code.FILE_UNREADABLE, f"this file is not read: {error.strerror}"))
        return None
    except OSError as error:
        problems.append(_build_problem(name, Code.FILE_UNREADABLE, f"this file cannot be read: {error.strerror}"))
        return None
    if encoding := _BOM_ENCODINGS.get(raw[:2]):
        problems.append(
            _build_problem(name, Code.FILE_NOT_UTF8, f"this file is encoded as {encoding}", "Save it as UTF-8")
        )
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        problems.append(
            Problem(
                Position(name, line, column), Code.FILE_NOT_UTF8, "this byte is not UTF-8", "Save the file as UTF-8"
            )
        )
        return None
    if not text or text.isspace():
        problems.append(_build_problem(name, Code.FILE_EMPTY, "this file is empty", _EMPTY_FILE_HINT))
        return None
    return text


def _build_problem(name: str, code: str, message: str, hint: str = "") -> Problem:
    return Problem(Position(name, 1, 1), code, message, hint, of_file=True)
