"""Fields are named by constants."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import reconciler
from reconciler.model.fields.names import SAVE_PATH

PACKAGE: Final = Path(reconciler.__file__).parent
MAX_FILES_NAMING_A_FIELD: Final = (
    8  # the schema, the server's rows, the API calls, the in-memory server, the registry, …
)


def find_files_with_literal(text: str) -> list[str]:
    """Return the files of the package that contain a string constant with exactly this value."""
    sources = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    return sorted(
        str(path.relative_to(PACKAGE))
        for path, source in sources.items()
        if text in source  # the others need not be parsed
        and any(isinstance(node, ast.Constant) and node.value == text for node in ast.walk(ast.parse(source)))
    )


def test_few_files_name_a_field_by_a_literal() -> None:
    files = find_files_with_literal(SAVE_PATH)
    assert "model/fields/names.py" in files
    assert len(files) <= MAX_FILES_NAMING_A_FIELD, files
