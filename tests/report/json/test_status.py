"""`reconcile status` as JSON."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.model.position import Position, Problem
from reconciler.model.status import FIRST_PAGE, Pagination, StatusReport, WaitOutcome, WaitResult
from reconciler.report.json.status import write_status, write_status_line
from tests.support.status_rows import MIXED_TORRENTS, make_many_torrents

NOON = datetime(2026, 11, 21, 12, 0, 0, 250_000, UTC)


DOCS = (Path(__file__).parents[3] / "docs" / "report.md").read_text(encoding="utf-8")


def as_json(status: StatusReport, page: Pagination = FIRST_PAGE) -> Any:
    """The whole report, parsed."""
    stream = io.StringIO()
    write_status(status, stream, page)
    return json.loads(stream.getvalue())


def test_the_json_report() -> None:
    document = as_json(MIXED_TORRENTS)
    assert document["summary"] == {
        "declared": 6,
        "selected": 6,
        "offset": 0,
        "complete": 1,
        "download_rate": 1_258_291,
        "upload_rate": 2048,
        "phases": {
            **dict.fromkeys(("stalled", "metadata", "queued", "checking", "moving", "pending", "absent"), 0),
            **dict.fromkeys(("downloading", "seeding", "stopped", "error", "missing", "unknown"), 1),
        },
    }
    assert document["torrents"][1] == {
        "instance": "home",
        "infohash": "0000000002" + "0" * 30,
        "name": "half",
        "source": "desired.yaml:2:5",
        "state": "downloading",
        "phase": "downloading",
        "complete": False,
        "progress": 0.5,
        "size": 1024,
        "eta": 3700,
        "ratio": 0,
        "download_rate": 1_258_291,
        "upload_rate": 0,
        "category": "linux",
        "tags": [],
        "labels": {},
        "owned": False,
        "in_sync": True,
        "fault": None,
        "reason": "",
    }
    nothing = ("complete", "progress", "size", "eta", "ratio", "download_rate", "upload_rate", "category", "in_sync")
    assert {key: document["torrents"][5][key] for key in nothing} == dict.fromkeys(nothing)
    assert [instance["name"] for instance in document["instances"]] == ["home"]
    assert "wait" not in document


def test_json_contains_all_torrents_unless_paged() -> None:
    assert len(as_json(make_many_torrents())["torrents"]) == 10_000
    document = as_json(make_many_torrents(), Pagination(9_998, 50))
    assert [torrent["name"] for torrent in document["torrents"]] == ["t9998", "t9999"]
    assert (document["summary"]["selected"], document["summary"]["offset"]) == (10_000, 9_998)


def test_the_result_of_waiting() -> None:
    document = as_json(
        replace(MIXED_TORRENTS, wait_result=WaitResult(WaitOutcome.TIMEOUT, ("half on home: downloading, 50 %",)))
    )
    assert document["wait"] == {"outcome": "timeout", "reasons": ["half on home: downloading, 50 %"]}


def test_a_json_line_is_the_report_with_its_time() -> None:
    stream = io.StringIO()
    problem = Problem(Position("desired.yaml", 3, 5), "E030", "no", "Say yes")
    write_status_line(replace(MIXED_TORRENTS, problems=(problem,)), NOON, stream, Pagination(1, 1))
    assert stream.getvalue().count("\n") == 1
    document = json.loads(stream.getvalue())
    assert document.pop("at") == "2026-11-21T12:00:00.250Z"
    where = {"file": "desired.yaml", "line": 3, "column": 5}
    assert document.pop("problems") == [{**where, "code": "E030", "message": "no", "hint": "Say yes"}]
    assert document == as_json(MIXED_TORRENTS, Pagination(1, 1))


def test_the_documentation_contains_every_key() -> None:
    def keys(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from value
            yield from (key for name, inner in value.items() if name != "phases" for key in keys(inner))
        elif isinstance(value, list):
            yield from (key for inner in value for key in keys(inner))

    stream = io.StringIO()
    write_status_line(replace(MIXED_TORRENTS, wait_result=WaitResult(WaitOutcome.COMPLETE)), NOON, stream)
    section = DOCS[DOCS.index("**`reconcile status --output json`**") :]
    named = set(re.findall(r"`([a-z_]+)`", section[: section.index("\n## ")]))
    assert sorted(set(keys(json.loads(stream.getvalue()))) - named) == []
    assert {str(outcome) for outcome in WaitOutcome} <= named
