"""`reconcile schema`."""

from __future__ import annotations

import json

import pytest

from reconciler.cli.main import run_command_line


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
