"""`reconcile status` as JSON, format version 1: keys may be added, never changed or removed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Final, TextIO

from reconciler.model.status import FIRST_PAGE, InstanceStatus, Pagination, Phase, StatusReport, TorrentStatus
from reconciler.report.drains import drain_json
from reconciler.report.json.common import (
    FORMAT_VERSION,
    encode_json,
    escape_runner_commands,
    health_json,
    iso_utc,
    position_text,
    problem_json,
    write_object,
)

_encode: Final = json.JSONEncoder(ensure_ascii=True, check_circular=False, separators=(",", ":")).encode


def write_status(status: StatusReport, stream: TextIO, page: Pagination = FIRST_PAGE) -> None:
    """Write the report with the selected torrents of one page, in the order of their declaration."""
    instances = (encode_json(_instance_json(row)) for row in status.instances)
    torrents = (encode_json(_torrent_json(row)) for row in _select_page(status, page))
    write_object(stream, _head_json(status, page), {"instances": instances, "torrents": torrents})


def write_status_line(status: StatusReport, read_at: datetime, stream: TextIO, page: Pagination = FIRST_PAGE) -> None:
    """Write the report on one line, with the time (UTC) of the read and the current problems of the files."""
    document = {
        **_head_json(status, page),
        "at": iso_utc(read_at),
        "problems": [problem_json(problem) for problem in status.problems],
        "instances": [_instance_json(row) for row in status.instances],
        "torrents": [_torrent_json(row) for row in _select_page(status, page)],
    }
    stream.write(escape_runner_commands(_encode(document)) + "\n")


def _select_page(status: StatusReport, page: Pagination) -> Iterator[TorrentStatus]:
    return islice(status.torrents, page.offset, None if page.limit is None else page.offset + page.limit)


def _head_json(status: StatusReport, page: Pagination) -> dict[str, object]:
    head: dict[str, object] = {
        "format_version": FORMAT_VERSION,
        "exit_code": status.exit_code,
        "summary": _summary_json(status, page),
    }
    if status.drains:
        head["drains"] = [drain_json(drain) for drain in status.drains]
    if status.wait_result:
        head["wait"] = {"outcome": status.wait_result.outcome, "reasons": list(status.wait_result.reasons)}
    return head


def _summary_json(status: StatusReport, page: Pagination) -> dict[str, object]:
    torrents = status.torrents
    transfers = [row.transfer for row in torrents if row.transfer]
    phases = Counter(row.phase for row in torrents)
    return {
        "declared": status.declared,
        "selected": len(torrents),
        "offset": page.offset,
        "complete": sum(row.is_complete is True for row in torrents),
        "download_rate": sum(transfer.download_rate for transfer in transfers),
        "upload_rate": sum(transfer.upload_rate for transfer in transfers),
        "phases": {phase: phases[phase] for phase in Phase},
    }


def _instance_json(row: InstanceStatus) -> dict[str, object]:
    return {
        "name": row.name,
        "url": row.url,
        "status": row.status,
        "error": row.error,
        "version": row.version,
        "web_api": row.web_api,
        "torrents": row.torrents,
        "owned": row.owned,
        "foreign": row.foreign,
        "declared": row.declared,
        "missing": row.missing,
        "drifted": row.drifted,
        "health": health_json(row.health),
    }


def _torrent_json(row: TorrentStatus) -> dict[str, object]:
    transfer = row.transfer
    return {
        "instance": row.instance,
        "infohash": row.infohash or None,
        "name": row.name,
        "source": position_text(row.position),
        "state": row.state,
        "phase": row.phase,
        "complete": row.is_complete,
        "progress": row.progress,
        "size": row.size,
        "eta": transfer.eta if transfer else None,
        "ratio": transfer.ratio if transfer else None,
        "download_rate": transfer.download_rate if transfer else None,
        "upload_rate": transfer.upload_rate if transfer else None,
        "category": row.category,
        "tags": sorted(row.tags),
        "labels": dict(row.labels),
        "owned": row.owned,
        "in_sync": row.in_sync,
        "fault": row.fault and row.fault.kind,
        "reason": row.reason,
    }
