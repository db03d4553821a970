"""`GET /api/v1/status` and `GET /api/v1/plan`: keys may be added, never changed or removed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from reconciler import __version__
from reconciler.engine.events import Finished, Waiting
from reconciler.model.position import Problem
from reconciler.report.json.common import health_json
from reconciler.report.json.run import write_run
from reconciler.report.summary import sentence, summarize, summarize_instance
from reconciler.web.loop_view import Seen, View

FORMAT_VERSION: Final = 1


def status_json(view: View) -> bytes:
    """The loop and every instance, without any torrent."""
    problems = view.last.problems if view.last else ()
    warnings = view.last.run.warnings if view.last else ()
    found = {
        "format_version": FORMAT_VERSION,
        "exit_code": view.exit_code,
        "version": __version__,
        "state": view.state,
        "live": not view.stuck,
        "ready": not view.unready,
        "reasons": [reason for reason in (view.stuck, view.unready) if reason],
        "now": _time(view.now),
        "started": _time(view.started),
        "interval": view.interval,
        "runs": view.runs,
        "last_attempt": _time(view.last_attempt),
        "last_success": _time(view.last_success),
        "next": _time(view.next_at),
        "last_run": view.last and _run(view.last),
        "desired_state": {"valid": not problems, "problems": _problems(problems), "warnings": _problems(warnings)},
        "instances": [_instance(seen) for seen in view.instances],
    }
    return encoded(found)


def plan_json(finished: Finished) -> bytes:
    """The JSON report of a run, as `--output json` writes it."""
    stream = io.StringIO()
    write_run(finished.run, stream)
    return stream.getvalue().encode("ascii")


def encoded(found: object) -> bytes:
    """Anything as ASCII: no name in it can drive a terminal."""
    return (json.dumps(found, ensure_ascii=True, indent=1) + "\n").encode("ascii")


def _run(finished: Finished) -> dict[str, object]:
    run = finished.run
    return {
        "trigger": finished.trigger,
        "began": _time(finished.began),
        "seconds": round(finished.seconds, 3),
        "mode": run.mode,
        "exit_code": run.exit_code,
        "plan_hash": run.plan_hash,
        "summary": summarize(run),
        "sentence": sentence(run),
    }


def _instance(seen: Seen) -> dict[str, object]:
    result, read = seen.result, seen.read
    return {
        "name": seen.name,
        "url": seen.url,
        "status": result and result.status,
        "up": seen.up,
        "error": result and result.error,
        "version": result and result.version,
        "web_api": result and result.web_api,
        "owned": result.owned if result and read else None,
        "foreign": result.foreign if result and read else None,
        "drift": len(result.results) if result and read else None,
        "summary": summarize_instance(result) if result and read else None,
        "guard": {
            "refused": result is not None and result.verdict.refused,
            "reasons": list(result.verdict.reasons) if result else [],
        },
        "last_read": _time(seen.read_at),
        "health": health_json(result.health) if result else None,
        "waiting": seen.waiting and _waiting(seen.waiting),
    }


def _waiting(waiting: Waiting) -> dict[str, object]:
    return {"failures": waiting.failures, "reason": waiting.reason, "until": _time(waiting.until)}


def _problems(problems: Iterable[Problem]) -> list[dict[str, object]]:
    return [
        {
            "file": problem.at.file,
            "line": problem.at.line,
            "column": problem.at.column,
            "message": problem.message,
            "mend": problem.mend,
        }
        for problem in problems
    ]


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
