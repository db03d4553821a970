"""Paths as the user gave them -> texts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from reconciler.model.position import Position, Problem

_BOM_ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One desired-state file. `name` is its path as the user gave it; paths in it are relative to `base`."""

    name: str
    base: Path
    text: str


def read_files(
    paths: Sequence[Path], texts: Mapping[Path, str] = MappingProxyType({})
) -> tuple[list[SourceFile], list[Problem]]:
    """Every file of `paths`, in order, a directory standing for its `*.yaml` and `*.yml`, sorted by name.

    Of a file that `texts` names, that text is taken, whatever it holds.
    """
    sources: list[SourceFile] = []
    problems: list[Problem] = []
    seen: dict[str, Path] = {}
    if not paths:
        problems.append(_build_problem("desired state", "no file was given"))
    for path in _expand_paths(paths, problems):
        text = texts[path] if path in texts else _read_text(path, problems)
        if text is None:
            continue
        first = seen.setdefault(os.path.realpath(path), path)
        if first is path:
            sources.append(SourceFile(str(path), path.parent, text))
        else:
            problems.append(_build_problem(str(path), f"this is the same file as {first}", "Give it once"))
    return sources, problems


def list_yaml_files(paths: Iterable[Path]) -> list[Path]:
    """The files that `paths` stand for now, there or not; a directory stands for its `*.yaml` and `*.yml`."""
    return list(_expand_paths(paths, []))


def _expand_paths(paths: Iterable[Path], problems: list[Problem]) -> Iterable[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        try:
            found = sorted(entry for entry in path.iterdir() if _is_yaml_file(entry))
        except OSError as error:
            problems.append(_build_problem(str(path), f"this directory cannot be read: {error.strerror}"))
            continue
        if not found:
            problems.append(_build_problem(str(path), "this directory holds no *.yaml or *.yml file"))
        yield from found


def _is_yaml_file(path: Path) -> bool:
    """Hidden files are left out, as a shell does: editors keep locks and backups under such names."""
    return path.suffix in (".yaml", ".yml") and not path.name.startswith(".") and not path.is_dir()


def _read_text(path: Path, problems: list[Problem]) -> str | None:
    """The text of one file without its byte order mark; None where there is a problem with it."""
    name = str(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        problems.append(_build_problem(name, "there is no such file", "Check the path"))
        return None
    except OSError as error:
        problems.append(_build_problem(name, f"this file cannot be read: {error.strerror}"))
        return None
    except ValueError:
        problems.append(_build_problem("desired state", "a path holds a NUL character", "Check the path"))
        return None
    if encoding := _BOM_ENCODINGS.get(raw[:2]):
        problems.append(_build_problem(name, f"this file is {encoding}", "Save it as UTF-8"))
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        problems.append(Problem(Position(name, line, column), "this byte is not UTF-8", "Save the file as UTF-8"))
        return None
    if not text.strip():
        problems.append(_build_problem(name, "this file is empty", _EMPTY_FILE_HINT))
        return None
    return text


_EMPTY_FILE_HINT = 'A desired state begins with "version: 1"'


def _build_problem(name: str, message: str, hint: str = "") -> Problem:
    return Problem(Position(name, 1, 1), message, hint)
