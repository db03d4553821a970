"""The reading of a saved file: bounded, whole, of the right kind and of a known format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from reconciler.regular_file import read_regular_file
from reconciler.report.sanitize import sanitize_text

MAX_FILE_BYTES: Final = 1 << 28  # a snapshot of 100,000 torrents has 40 MB
_MAX_WORDS: Final = 200  # characters of a message of the parser

T = TypeVar("T")


class SavedFileError(Exception):
    """A saved file cannot be used. The message names the file, and says why and what to do."""


def read_document(path: Path, kind: str, format_version: int, adapter: TypeAdapter[T], how_to_save: str) -> T:
    """Return the checked content of a saved file. Raises `SavedFileError`.

    `kind` and `format_version`: what the file must say that it is, and the newest format that is known. `how_to_save`:
    the command that writes such a file.
    """
    data = _parse_json(path, how_to_save)
    if not isinstance(data, dict) or data.get("kind") != kind:
        raise SavedFileError(f"{path} is not a saved {kind}. Save one with: {how_to_save}")
    version = data.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise SavedFileError(f"{path} has no valid format_version. Save it again with: {how_to_save}")
    if version > format_version:
        raise SavedFileError(
            f"{path} has format {version}, and this reconcile reads only format {format_version}: it was saved by a "
            "newer one. Update reconcile here"
        )
    try:
        return adapter.validate_python(data)
    except ValidationError as error:
        raise SavedFileError(
            f"{path} is no {kind} as reconcile saves it: {_first_error_text(error)}. Save it again with: {how_to_save}"
        ) from None


def _parse_json(path: Path, how_to_save: str) -> Any:
    try:
        text = read_regular_file(path, MAX_FILE_BYTES).decode()
    except FileNotFoundError:
        raise SavedFileError(f"there is no file {path}. Save one with: {how_to_save}") from None
    except IsADirectoryError:
        raise SavedFileError(f"{path} is a folder. Name a file that was saved with: {how_to_save}") from None
    except UnicodeDecodeError:
        raise SavedFileError(f"{path} is not text. Save it again with: {how_to_save}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its path is not usable"
        raise SavedFileError(f"{path} cannot be read: {reason}") from None
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "a value is not allowed"
        raise SavedFileError(
            f"{path} is not whole JSON ({reason}): it may have been cut off. Save it again with: {how_to_save}"
        ) from None


def _refuse_constant(_name: str) -> None:
    """Raise `ValueError` for NaN and Infinity, which are not JSON and equal nothing."""
    raise ValueError("not a number")


def _first_error_text(error: ValidationError) -> str:
    """Return the first problem, without the value: it may be anything, a secret too."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    words = first["msg"].removeprefix("Value error, ")
    return sanitize_text(f"{place}: {words}" if place else words)[:_MAX_WORDS]
