"""The parameters of `torrents/info`, with the meaning that qBittorrent 5.1 gives them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from starlette.exceptions import HTTPException

from reconciler.model.rows import Row
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.client_rows import EMPTY_ROW, split_tags
from reconciler.web.gateway.parameters import parse_bool, parse_int, split_ids

UPLOAD_STATES: Final = frozenset({"uploading", "stalledUP", "checkingUP", "queuedUP", "forcedUP"})
COMPLETED_STATES: Final = UPLOAD_STATES | {"stoppedUP"}
DOWNLOAD_STATES: Final = frozenset(
    {"downloading", "metaDL", "forcedMetaDL", "stalledDL", "checkingDL", "stoppedDL", "queuedDL", "forcedDL"}
)
ACTIVE_STATES: Final = frozenset(
    {"metaDL", "forcedMetaDL", "downloading", "forcedDL", "uploading", "forcedUP", "moving"}
)
CHECKING_STATES: Final = frozenset({"checkingUP", "checkingDL", "checkingResumeData"})
ERROR_STATES: Final = frozenset({"missingFiles", "error"})

Test = Callable[[KnownTorrent], bool]


def list_torrents(
    torrents: Mapping[str, KnownTorrent], parameters: Mapping[str, str], *, has_subcategories: bool
) -> Sequence[KnownTorrent]:
    """Return the torrents that the parameters select, in the order that they ask for. Raises `HTTPException` (400)."""
    ids = split_ids(parameters.get("hashes", ""))
    candidates: Iterable[KnownTorrent] = torrents.values()
    if ids:
        wanted = set(ids)
        candidates = [known for key, known in torrents.items() if key in wanted]
    tests = _make_tests(parameters, has_subcategories=has_subcategories)
    selected = [known for known in candidates if all(test(known) for test in tests)] if tests else list(candidates)
    if column := parameters.get("sort", ""):
        selected = _sort(selected, column, reverse=parse_bool(parameters.get("reverse", "")) or False)
    return _cut(selected, parse_int(parameters.get("limit", "")) or 0, parse_int(parameters.get("offset", "")) or 0)


def _make_tests(parameters: Mapping[str, str], *, has_subcategories: bool) -> list[Test]:
    tests: list[Test] = []
    if test := STATUS_TESTS.get(parameters.get("filter", "")):
        tests.append(test)
    if (category := parameters.get("category")) is not None:
        tests.append(lambda known: _is_in_category(known.row["category"], category, has_subcategories))
    if (tag := parameters.get("tag")) is not None:
        name = tag.strip()
        tests.append(lambda known: name in split_tags(known.row["tags"]) if name else not known.row["tags"])
    if (is_private := parse_bool(parameters.get("private", ""))) is not None:
        tests.append(lambda known: bool(known.row["private"]) is is_private)
    return tests


def _is_in_category(category: str, wanted: str, has_subcategories: bool) -> bool:
    if category == wanted:
        return True
    return bool(category) and has_subcategories and category.startswith(wanted + "/")


def is_stopped(known: KnownTorrent) -> bool:
    """True for a torrent that is meant to be stopped. Where its state hides that, what is declared counts."""
    state = known.row["state"]
    if state in ERROR_STATES or state in CHECKING_STATES or state == "moving":
        return known.entry is not None and known.entry.paused is True
    return str(state).startswith("stopped")


def _is_active(known: KnownTorrent) -> bool:
    row = known.row
    return row["state"] in ACTIVE_STATES or (row["state"] == "stalledDL" and bool(row["upspeed"]))


def _has_state(states: Iterable[str]) -> Test:
    wanted = frozenset(states)
    return lambda known: known.row["state"] in wanted


STATUS_TESTS: Final[Mapping[str, Test]] = {
    "downloading": _has_state(DOWNLOAD_STATES),
    "seeding": _has_state(UPLOAD_STATES),
    "completed": _has_state(COMPLETED_STATES),
    "stopped": is_stopped,
    "running": lambda known: not is_stopped(known),
    "active": _is_active,
    "inactive": lambda known: not _is_active(known),
    "stalled": _has_state({"stalledUP", "stalledDL"}),
    "stalled_uploading": _has_state({"stalledUP"}),
    "stalled_downloading": _has_state({"stalledDL"}),
    "checking": _has_state(CHECKING_STATES),
    "moving": _has_state({"moving"}),
    "errored": _has_state(ERROR_STATES),
}
"""The values of `filter`. An unknown one means all, as in 5.1."""


def _sort(torrents: list[KnownTorrent], column: str, *, reverse: bool) -> list[KnownTorrent]:
    if not torrents:
        return torrents
    if column not in EMPTY_ROW:
        raise HTTPException(400, "'sort' parameter is invalid")
    return sorted(torrents, key=lambda known: _make_sort_key(known.row, column), reverse=reverse)


def _make_sort_key(row: Row, column: str) -> tuple[bool, Any]:
    value = row[column]
    return value is not None, str(value) if isinstance(EMPTY_ROW[column], str) else value or 0


def _cut(torrents: list[KnownTorrent], limit: int, offset: int) -> list[KnownTorrent]:
    size = len(torrents)
    if offset < 0:
        offset += size
    if not 0 <= offset < size:
        offset = 0
    return torrents[offset : offset + limit] if limit > 0 else torrents[offset:]
