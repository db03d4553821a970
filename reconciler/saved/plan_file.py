"""A saved plan: the JSON report of a dry-run, by which a person approves that plan and no other."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, TextIO

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, TypeAdapter, with_config
from typing_extensions import TypedDict

from reconciler.model.expectation import ActionSummary
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Change, FieldValue, ObjectKind, Outcome, Verb
from reconciler.model.run import Run
from reconciler.report.json.common import encode_json, iso_utc
from reconciler.report.json.run import write_run
from reconciler.saved.document import read_document

PLAN_KIND: Final = "plan"
PLAN_FORMAT_VERSION: Final = 1
HOW_TO_SAVE: Final = "reconcile --dry-run --out FILE"

_PlanHash = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Value = str | bool | int | _Number | list[str] | None
_ChangeRow = TypedDict("_ChangeRow", {"field": str, "from": _Value, "to": _Value})


class _ActionRow(TypedDict):
    """An action of the report; its other keys are not compared."""

    verb: Annotated[Verb, Field(strict=False)]
    kind: Annotated[ObjectKind, Field(strict=False)]
    infohash: str | None
    name: str
    changes: list[_ChangeRow]
    delete_files: bool
    outcome: Annotated[Outcome, Field(strict=False)]


class _InstanceRow(TypedDict):
    """An instance of the report."""

    name: str
    actions: list[_ActionRow]


class _ReportRow(TypedDict):
    """The report of a dry-run."""

    mode: Literal["dry-run"]
    plan_hash: _PlanHash
    instances: list[_InstanceRow]


@with_config(ConfigDict(strict=True))
class _PlanDocument(TypedDict):
    """The whole file."""

    kind: Literal["plan"]
    format_version: int
    saved_at: Annotated[AwareDatetime, Field(strict=False)]
    report: _ReportRow


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan that was saved: its hash, the time of saving (UTC), and its actions with everything secret masked."""

    plan_hash: str
    saved_at: datetime
    actions: tuple[ActionSummary, ...]


def write_plan(run: Run, saved_at: datetime, stream: TextIO) -> None:
    """Write the plan of a dry-run."""
    head = {"kind": PLAN_KIND, "format_version": PLAN_FORMAT_VERSION, "saved_at": iso_utc(saved_at)}
    stream.write("{" + ", ".join(f"{encode_json(key)}: {encode_json(value)}" for key, value in head.items()))
    stream.write(',\n"report": ')
    write_run(run, stream)
    stream.write("}\n")


def read_plan(path: Path) -> SavedPlan:
    """Return a saved plan. Raises `SavedFileError`."""
    adapter: TypeAdapter[_PlanDocument] = TypeAdapter(_PlanDocument)
    document = read_document(path, PLAN_KIND, PLAN_FORMAT_VERSION, adapter, HOW_TO_SAVE)
    report = document["report"]
    actions = tuple(
        _build_summary(instance["name"], row) for instance in report["instances"] for row in instance["actions"]
    )
    return SavedPlan(report["plan_hash"], document["saved_at"], actions)


def _build_summary(instance: str, row: _ActionRow) -> ActionSummary:
    changes = tuple(
        Change(change["field"], _to_field_value(change["from"]), _to_field_value(change["to"]))
        for change in row["changes"]
    )
    kind, name = row["kind"], row["name"]
    subject = row["infohash"] or name
    return ActionSummary(
        instance, row["verb"], kind, subject, name, changes, row["delete_files"], _find_hold(row["outcome"])
    )


def _find_hold(outcome: Outcome) -> str:
    return str(outcome if outcome in (Outcome.DEFERRED, Outcome.BLOCKED) else Outcome.PLANNED)


def _to_field_value(value: str | bool | int | float | list[str] | None) -> FieldValue:
    return tuple(value) if isinstance(value, list) else value
