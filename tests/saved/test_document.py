"""Files that are none that a run has saved."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from reconciler.saved.document import SavedFileError, read_document

ADAPTER = TypeAdapter(dict[str, int | str])


def read(path: Path) -> dict[str, int | str]:
    """Read a document of the kind `plan`."""
    return read_document(path, "plan", 1, ADAPTER, "reconcile --out FILE")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not whole JSON (line 1): it may have been cut off. Save it again with: reconcile --out FILE"),
        (b'{"kind": "plan",\n"format_version": 1', "is not whole JSON (line 2): it may have been cut off"),
        (b'{"kind": "plan", "format_version": NaN}', "is not whole JSON (a value is not allowed)"),
        (b'{"kind": "plan", "format_version": -Infinity}', "is not whole JSON (a value is not allowed)"),
        (b'{"kind": "plan", "format_version": ' + b"9" * 5000 + b"}", "is not whole JSON (a value is not allowed)"),
        (b"[" * 100_000, "is not whole JSON"),
        (b"\xff\xfe", "is not text"),
        (b"null", "is not a saved plan. Save one with: reconcile --out FILE"),
        (b'["plan"]', "is not a saved plan"),
        (b'{"kind": "plan", "format_version": "1"}', "has no valid format_version"),
        (b'{"kind": "plan", "format_version": 0}', "has no valid format_version"),
        (b'{"kind": "plan", "format_version": 99}', "has format 99, and this reconcile reads only format 1"),
        (b'{"kind": "plan", "format_version": 1, "\\u001b[2J": []}', "is no plan as reconcile saves it: \\x1b[2J."),
    ],
)  # fmt: skip
def test_a_foreign_or_damaged_file_is_a_clear_error(data: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(data)
    with pytest.raises(SavedFileError) as raised:
        read(file)
    assert f"{file} {message}" in str(raised.value)


def test_what_is_no_file_is_a_clear_error(tmp_path: Path) -> None:
    for path, message in (
        (tmp_path / "gone", "there is no file"),
        (tmp_path, "is a folder"),
        (Path("/dev/zero"), "cannot be read: it is not a regular file"),
        (Path("a\0b"), "cannot be read: its path is not usable"),
    ):
        with pytest.raises(SavedFileError, match=message):
            read(path)


def test_a_document_of_the_format_is_returned(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text('{"kind": "plan", "format_version": 1, "other": 2}')
    assert read(file) == {"kind": "plan", "format_version": 1, "other": 2}
