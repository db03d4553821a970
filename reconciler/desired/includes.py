"""Finds the files that an item of `include` names: a path or a glob, below the folder of the file that includes them.

See docs/decisions/0055-an-include-stays-in-its-folder-and-matches-something.md.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from reconciler.desired.context import InvalidValue
from reconciler.desired.files import is_yaml_name
from reconciler.model.codes import Code
from reconciler.regular_file import is_inside

_GLOB_CHARACTERS: Final = frozenset("*?[")
_ANY_FOLDERS: Final = "**"
_INSIDE_HINT: Final = "Name a file below the folder of this one, or read the other file with -f"


@dataclass(slots=True, repr=False, eq=False)
class IncludedFiles:
    """The files of one item, sorted, and the folders that were searched: a new file in one of them may match too.

    `error`: the reason why none of them may be read. A change of the files and folders may correct it.
    """

    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    error: InvalidValue | None = None


def check_include(text: str) -> str:
    """A path or glob, which cannot lead out of its folder."""
    if not text.isprintable():
        raise InvalidValue(
            Code.INCLUDE, "a file to include must be a path without control characters", "Correct the path"
        )
    if "://" in text:
        raise InvalidValue(Code.INCLUDE, "a URL cannot be included", "Download the file, and name it here")
    if text.startswith("/"):
        raise InvalidValue(Code.INCLUDE, "a file to include must be a relative path", _INSIDE_HINT)
    parts = _split_path(text)
    if ".." in parts:
        raise InvalidValue(Code.INCLUDE, 'a file to include must be a path without ".."', _INSIDE_HINT)
    if not parts:
        raise InvalidValue(
            Code.INCLUDE, "this names no file to include", 'Write a path, like "torrents.yaml" or "sets/*.yaml"'
        )
    return text


def _split_path(text: str) -> list[str]:
    return [part for part in text.split("/") if part not in ("", ".")]


def has_glob(text: str) -> bool:
    """Return True for a glob, False for a path."""
    return not _GLOB_CHARACTERS.isdisjoint(text)


def find_included_files(folder: Path, text: str, new_files: Container[Path] = ()) -> IncludedFiles:
    """Return the files that an item of a file in `folder` names; `new_files` are about to be written."""
    found = IncludedFiles()
    try:
        parts = _split_path(check_include(text))
        if has_glob(text):
            _find_glob_matches(folder, parts, found)
        else:
            _find_named_file(folder, parts, new_files, found)
    except InvalidValue as error:
        found.error = error
    except OSError as error:
        found.error = InvalidValue(Code.INCLUDE, f"{error.filename}: this cannot be read: {error.strerror}")
    return found


def _find_named_file(folder: Path, parts: list[str], new_files: Container[Path], found: IncludedFiles) -> None:
    path = folder.joinpath(*parts)
    found.files.append(path)
    _check_inside(path, folder)
    if path in new_files:
        return
    if path.is_dir():
        raise InvalidValue(
            Code.INCLUDE, "this is a folder, not a file", f'Write "{"/".join(parts)}/*.yaml" to include its files'
        )
    if not path.exists():
        raise InvalidValue(
            Code.INCLUDE, f"there is no file {path}", "Check the path, which begins in the folder of this file"
        )


def _find_glob_matches(folder: Path, parts: list[str], found: IncludedFiles) -> None:
    if parts[-1] == _ANY_FOLDERS:
        parts = [*parts, "*"]
    todo: list[tuple[Path, int]] = [(folder, 0)]
    seen: set[tuple[str, int]] = set()
    while todo:
        directory, index = todo.pop()
        key = os.path.realpath(directory), index
        if key in seen:  # by another link, or by another number of folders for "**"
            continue
        seen.add(key)
        _check_inside(directory, folder)
        part, is_last = parts[index], index == len(parts) - 1
        candidates = list(_list_candidates(directory, part))
        is_open = has_glob(part) or is_last or not candidates  # else nothing new in it can match
        if is_open and directory not in found.folders[-1:]:
            found.folders.append(directory)
        if is_last:
            found.files += _select_files(candidates, part, folder)
        else:
            is_any = part == _ANY_FOLDERS
            todo += [(directory, index + 1)] if is_any else []
            todo += [(path, index if is_any else index + 1) for path in candidates if path.is_dir()]
    found.files.sort()
    if not found.files:
        raise InvalidValue(
            Code.INCLUDE,
            "no *.yaml or *.yml file matches this",
            "Check the pattern, or remove it until there is such a file",
        )


def _select_files(candidates: list[Path], part: str, folder: Path) -> Iterator[Path]:
    """Iterate over the YAML files among the candidates; a name without a glob may be that of any file."""
    for path in candidates:
        if (is_yaml_name(path.name) or not has_glob(part) or part.startswith(".")) and not path.is_dir():
            _check_inside(path, folder)
            yield path


def _list_candidates(directory: Path, part: str) -> Iterator[Path]:
    """Iterate over what a part of a glob matches in a directory. Only a part with a leading dot matches hidden names.

    The links of a ConfigMap lead to hidden folders, which contain each file once more.
    """
    if not has_glob(part):
        path = directory / part
        yield from [path] if os.path.lexists(path) else []
        return
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        if fnmatchcase(name, part) and (not name.startswith(".") or part.startswith(".")):
            yield directory / name


def _check_inside(path: Path, folder: Path) -> None:
    if not is_inside(path, folder):
        raise InvalidValue(
            Code.INCLUDE, f"{path}: a link leads out of the folder of this file, and is not followed", _INSIDE_HINT
        )
