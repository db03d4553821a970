"""`reconcile schema`: the JSON Schema of a desired state."""

from __future__ import annotations

from reconciler.cli import console


def schema_command() -> int:
    """Print the JSON Schema. Return the exit code."""
    from reconciler.desired.json_schema import format_json_schema

    console.write_report(lambda stream: stream.write(format_json_schema()))
    return 0
