"""`GET /api/v1/status` and `GET /api/v1/plan`. Keys may be added, never changed or removed."""

from __future__ import annotations

import io
import json
from datetime import datetime
from typing import Final

from reconciler import __version__
from reconciler.engine.events import Backoff, FinishedRun
from reconciler.model.live_state import LiveState
from reconciler.report.json.common import FORMAT_VERSION, escape_runner_commands, health_json, iso_utc, problem_json
from reconciler.report.json.run import write_run
from reconciler.report.summary import summarize_instance, summarize_run, summary_text
from reconciler.web.instance_label import label_instance
from reconciler.web.loop_view import InstanceView, LoopView
from reconciler.web.pages.verdict import judge_loop

JSON_MEDIA_TYPE: Final = "application/json"


def render_status_json(view: LoopView) -> bytes:
    """Render the status of the loop and of every instance, without torrents."""
    problems = view.last_run.problems if view.last_run else ()
    warnings = view.last_run.run.warnings if view.last_run else ()
    verdict = judge_loop(view)
    status = {
        "format_version": FORMAT_VERSION,
        "exit_code": view.exit_code,
        "version": __version__,
        "loop_id": view.loop_id,
        "shard": view.shard or None,
        "state": view.state,
        "verdict": {"headline": verdict.headline, "tone": verdict.tone},
        "live": not view.stuck_reason,
        "ready": not view.unready_reason,
        "reasons": [reason for reason in (view.stuck_reason, view.unready_reason) if reason],
        "now": iso_utc(view.now),
        "started": iso_utc(view.started),
        "interval": view.interval,
        "runs": view.run_count,
        "last_attempt": _optional_iso_utc(view.last_attempt),
        "last_success": _optional_iso_utc(view.last_success),
        "next": _optional_iso_utc(view.next_run_at),
        "last_run": view.last_run and run_json(view.last_run),
        "desired_state": {
            "valid": not problems,
            "problems": [problem_json(problem) for problem in problems],
            "warnings": [problem_json(problem) for problem in warnings],
        },
        "instances": [_instance_json(instance) for instance in view.instances],
    }
    return encode_json(status)


def render_plan_json(finished_run: FinishedRun) -> bytes:
    """Render the JSON report of a run, as `--output json` writes it."""
    stream = io.StringIO()
    write_run(finished_run.run, stream)
    return stream.getvalue().encode("ascii")


def render_snapshot_json(live_state: LiveState, *, hash_names: bool) -> bytes:
    """Render a live state, as `reconcile snapshot` writes it."""
    from reconciler.saved.snapshot_writer import write_snapshot

    stream = io.StringIO()
    write_snapshot(live_state, stream, hash_names=hash_names)
    return stream.getvalue().encode("ascii")


def encode_json(value: object) -> bytes:
    """Encode a value as ASCII, so that no name in it can control a terminal."""
    return (escape_runner_commands(json.dumps(value, ensure_ascii=True, indent=1)) + "\n").encode("ascii")


def run_json(finished_run: FinishedRun) -> dict[str, object]:
    """Return a run that has ended, without its actions."""
    run = finished_run.run
    return {
        "trigger": finished_run.trigger,
        "began": iso_utc(finished_run.started_at),
        "seconds": round(finished_run.seconds, 3),
        "mode": run.mode,
        "exit_code": run.exit_code,
        "plan_hash": run.plan_hash,
        "summary": summarize_run(run),
        "sentence": summary_text(run),
    }


def _instance_json(instance: InstanceView) -> dict[str, object]:
    result, read, label = instance.result, instance.is_read, label_instance(instance)
    return {
        "name": instance.name,
        "label": label.text,
        "tone": label.tone,
        "since": _optional_iso_utc(instance.since),
        "url": instance.url,
        "status": result and result.status,
        "up": instance.is_up,
        "error": result and result.error,
        "suspended_until": _optional_iso_utc(result.suspended_until if result else None),
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
        "last_read": _optional_iso_utc(instance.read_at),
        "health": health_json(result.health) if result else None,
        "waiting": instance.backoff and _backoff_json(instance.backoff),
    }


def _backoff_json(backoff: Backoff) -> dict[str, object]:
    return {"failures": backoff.failures, "reason": backoff.reason, "until": iso_utc(backoff.until)}


def _optional_iso_utc(time: datetime | None) -> str | None:
    return iso_utc(time) if time else None
