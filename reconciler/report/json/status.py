"""`reconcile status` as JSON, format version 1: keys may be added, never changed or removed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Final, TextIO

from reconciler.model.status import FROM_THE_START, InstanceStatus, Page, Phase, StatusReport, TorrentStatus
from reconciler.report.json.common import FORMAT_VERSION, health_json, moment_json, problem_keys, write_object

_encode = json.JSONEncoder(ensure_ascii=True, check_circular=False).encode
_compact: Final = json.JSONEncoder(ensure_ascii=True, check_circular=False, separators=(",", ":")).encode


def write_status(status: StatusReport, stream: TextIO, page: Page = FROM_THE_START) -> None:
    """The whole report: all torrents that are asked for, in the order of their declaration, unless `page` cuts them."""
    instances = (_encode(_instance(row)) for row in status.instances)
    torrents = (_encode(_torrent(row)) for row in _shown(status, page))
    write_object(stream, _head(status, page), {"instances": instances, "torrents": torrents})


def write_status_line(status: StatusReport, at: datetime, stream: TextIO, page: Page = FROM_THE_START) -> None:
    """The same on one line, with the time it was read and what is wrong with the files by then."""
    whole = {
        **_head(status, page),
        "at": moment_json(at),
        "problems": [problem_keys(problem) for problem in status.problems],
        "instances": [_instance(row) for row in status.instances],
        "torrents": [_torrent(row) for row in _shown(status, page)],
    }
    stream.write(_compact(whole) + "\n")


def _shown(status: StatusReport, page: Page) -> Iterator[TorrentStatus]:
    return islice(status.torrents, page.offset, None if page.limit is None else page.offset + page.limit)


def _head(status: StatusReport, page: Page) -> dict[str, object]:
    head: dict[str, object] = {
        "format_version": FORMAT_VERSION,
        "exit_code": status.exit_code,
        "summary": _summary(status, page),
    }
    if status.waited:
        head["wait"] = {"outcome": status.waited.outcome, "reasons": list(status.waited.reasons)}
    return head


def _summary(status: StatusReport, page: Page) -> dict[str, object]:
    torrents = status.torrents
    transfers = [row.transfer for row in torrents if row.transfer]
    phases = Counter(row.phase for row in torrents)
    return {
        "declared": status.declared,
        "selected": len(torrents),
        "offset": page.offset,
        "complete": sum(row.complete is True for row in torrents),
        "download_rate": sum(one.download_rate for one in transfers),
        "upload_rate": sum(one.upload_rate for one in transfers),
        "phases": {phase: phases[phase] for phase in Phase},
    }


def _instance(row: InstanceStatus) -> dict[str, object]:
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


def _torrent(row: TorrentStatus) -> dict[str, object]:
    transfer = row.transfer
    return {
        "instance": row.instance,
        "infohash": row.infohash or None,
        "name": row.name,
        "source": str(row.source) if row.source else None,
        "state": row.state,
        "phase": row.phase,
        "complete": row.complete,
        "progress": row.progress,
        "size": row.size,
        "eta": transfer.eta if transfer else None,
        "ratio": transfer.ratio if transfer else None,
        "download_rate": transfer.download_rate if transfer else None,
        "upload_rate": transfer.upload_rate if transfer else None,
        "category": row.category,
        "tags": sorted(row.tags),
        "owned": row.owned,
        "in_sync": row.in_sync,
        "reason": row.reason,
    }
