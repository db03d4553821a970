"""Arbitrary desired states and arbitrary instances for hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.support.planner_inputs import make_desired_state, make_snapshot

LETTERS = "abcdefgh"
TORRENT_FILES = ("1:v1", "2:v2", "3:hybrid", "4:v1")
CATEGORIES = ("", "linux", "films", "linux/iso")
TAGS = ("x", "y", "Z")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RESERVED_TAGS = (
    "reconcile:home",
    "reconcile:work",
    "reconcile:protect",
    "reconcile:ignore",
    "reconcile:held",
    "reconcile:held:forced",
    "reconcile:quarantine:2026-11-25",
    "reconcile:quarantine:2020-01-01:stopped",
    "reconcile:quarantine:soon",
)
CONTENT_PATHS = ("", "/data/linux/a", "/data/linux", "/data/films/b")
PREFERENCES: dict[str, tuple[Any, ...]] = {
    "queueing_enabled": (True, False),
    "add_stopped_enabled": (True, False),
    "max_connec": (500, 7, True),
    "dl_limit": (0, 1 << 20),
    "save_path": ("/downloads", "/data"),
    "schedule_from_hour": (8, 9),
    "proxy_password": ("", {"secret": "hunter2"}),
}
SAVE_PATHS = ("/downloads", "/data/linux", "/data/films")
DOWNLOAD_PATHS = ("", "/inc", "/downloads")
TRACKERS = ("http://t.example/s3cr3t/announce", "HTTP://T.EXAMPLE:80/s3cr3t/announce", "udp://u.example:1")
WEB_SEEDS = ("http://w.example/a%20b", "http://w.example/c?x=1&y=2")
FILE_PATHS = ("T/a.mkv", "T/b.nfo", "T/sub/c.nfo")
GLOBS = ("*.nfo", "sub/*", "/T/*", "**")
PRIORITIES = ("skip", "normal", "high", "maximal")
SHARE_LIMITS = (-2, -1, 0, 60)
SHARE_ACTIONS = ("default", "stop", "remove-with-content")
FLAGS = ("sequential", "first_last_piece_first", "super_seeding")


# Strategies are built once: to build one takes hypothesis longer than to draw from it


def unique_lists(values: Sequence[str], max_size: int | None = None) -> st.SearchStrategy[list[str]]:
    """Generate a list of distinct values."""
    return st.lists(st.sampled_from(values), unique=True, max_size=len(values) if max_size is None else max_size)


_SHARE_LIMIT_STRATEGY = st.sampled_from(SHARE_LIMITS)
_SHARE_STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    "ratio": st.sampled_from((-2, -1, 0, 1.5, 2)),
    "seeding_time": _SHARE_LIMIT_STRATEGY,
    "inactive_seeding_time": _SHARE_LIMIT_STRATEGY,
    "action": st.sampled_from(SHARE_ACTIONS),
}
OPTION_STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys((*FLAGS, "auto_tmm", "force_start", "skip_checking"), st.booleans()),
    **dict.fromkeys(("download_limit", "upload_limit"), st.sampled_from((0, 1000, 5 << 20))),
    "download_path": st.sampled_from(DOWNLOAD_PATHS),
    "comment": st.sampled_from(("", "c", "two\nlines")),
    "share_limits": st.fixed_dictionaries({}, optional=_SHARE_STRATEGIES).filter(bool),
    "trackers": unique_lists(TRACKERS),
    "web_seeds": unique_lists(WEB_SEEDS),
    "files": st.lists(
        st.fixed_dictionaries({"match": st.sampled_from(GLOBS), "priority": st.sampled_from(PRIORITIES)}), max_size=3
    ),
    "content_layout": st.sampled_from(("original", "subfolder", "no-subfolder")),
    "stop_condition": st.sampled_from(("none", "files-checked")),
    "ignore_changes": unique_lists(("save_path", "share_limits", "tags", "files", "sequential")),
}

_LETTER_LISTS = unique_lists([*LETTERS, *TORRENT_FILES], max_size=8)


def _hash_names(letter: str) -> st.SearchStrategy[str]:
    if letter in TORRENT_FILES:
        return st.just(letter)
    return st.sampled_from([letter, f"{letter}2", f"{letter}+{letter}2"])


_LIVE_OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys((*FLAGS, "auto_tmm"), st.booleans()),
    **dict.fromkeys(("download_limit", "upload_limit"), st.sampled_from((0, 1000))),
    "download_path": st.sampled_from(DOWNLOAD_PATHS),
    "comment": st.sampled_from(("", "c")),
    "share_limits": st.fixed_dictionaries(
        {"ratio": st.sampled_from((-2, 1.5)), "seeding_time": st.sampled_from(SHARE_LIMITS)}
    ),
    "trackers": unique_lists(TRACKERS),
    "web_seeds": unique_lists(WEB_SEEDS),
    "size": st.sampled_from((0, 9)),
}
_LIVE_FILES = st.tuples(*[st.sampled_from(PRIORITIES)] * len(FILE_PATHS)).map(
    lambda priorities: [f"{priority} {path}" for priority, path in zip(priorities, FILE_PATHS, strict=True)]
)
_LIVE_OPTION_ROWS = st.fixed_dictionaries(_LIVE_OPTIONS, optional={"files": _LIVE_FILES})


def live_option_rows() -> st.SearchStrategy[dict[str, Any]]:
    """Generate live options, some with the defaults of a server."""
    return _LIVE_OPTION_ROWS


@cache
def _live_rows_of(letter: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "hash": _hash_names(letter),
            "name": st.sampled_from([letter, "same"]),
            "category": st.sampled_from(CATEGORIES),
            "tags": unique_lists(TAGS + RESERVED_TAGS),
            "save_path": st.sampled_from(SAVE_PATHS),
            "stopped": st.booleans(),
            "content_path": st.sampled_from(CONTENT_PATHS),
            "progress": st.sampled_from((0.0, 0.5, 1.0)),
            **_LIVE_OPTIONS,
        },
        optional={"files": _LIVE_FILES},
    )


@st.composite
def live_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to eight live torrents: of any owner or none, with any marks, in any condition."""
    return [draw(_live_rows_of(letter)) for letter in draw(_LETTER_LISTS)]


def _drop_contradictions(row: dict[str, Any]) -> dict[str, Any]:
    """Return the entry without contradictions, which the desired state would reject."""
    if row.get("auto_tmm"):
        row = {key: value for key, value in row.items() if key not in ("save_path", "download_path")}
    if row.get("category") and "save_path" not in row and "auto_tmm" not in row:
        row.pop("download_path", None)
    if row.get("download_path") and row.get("download_path") == row.get("save_path"):
        row["download_path"] = ""
    if row.get("paused"):
        row.pop("force_start", None)
    return row


@cache
def _absent_entries_of(letter: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({**_source_of(letter), "state": st.just("absent")})


@cache
def _present_entries_of(letter: str) -> st.SearchStrategy[dict[str, Any]]:
    optional = {
        "name": st.sampled_from(["A", "same"]),
        "category": st.sampled_from(CATEGORIES),
        "tags": unique_lists(TAGS) | unique_lists(TAGS).map(lambda tags: {"only": tags}),
        "save_path": st.sampled_from(SAVE_PATHS),
        "paused": st.booleans(),
        "protect": st.booleans(),
        **OPTION_STRATEGIES,
    }
    return st.fixed_dictionaries(_source_of(letter), optional=optional).map(_drop_contradictions)


def _source_of(letter: str) -> dict[str, st.SearchStrategy[str]]:
    sources = ["magnet", "magnet", "infohash", *(["torrent"] * 4 if letter in TORRENT_FILES else [])]
    return {"hash": _hash_names(letter), "source": st.sampled_from(sources)}


_ONE_IN_SIX = st.integers(0, 5).map(lambda number: number == 0)


@st.composite
def entry_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to eight entries with any keys given or not."""
    return [
        draw(_absent_entries_of(letter) if draw(_ONE_IN_SIX) else _present_entries_of(letter))
        for letter in draw(_LETTER_LISTS)
    ]


_CATEGORY_NAMES = st.sampled_from(CATEGORIES[1:])
_NO_PATHS = st.none()
_PATHS = _NO_PATHS | st.sampled_from(("", "/c1", "/c2", [None, False], ["/c1", "/inc"], [None, "/inc"]))
_WORLDS = st.fixed_dictionaries(
    {
        "policy": st.sampled_from(["create-only", "upsert", "sync"]),
        "guard": st.just({"max_delete": 100, "max_delete_percent": 100, "max_move": 100}),
        "delete_files": st.booleans(),
        "quarantine": st.sampled_from((None, 7)),
        "prune_categories": st.booleans(),
        "take_over": st.booleans(),
        "desired": entry_rows().map(
            lambda rows: [*rows, {"hash": "z", "state": "absent"}]  # an empty list is always refused
        ),
        "declared_categories": st.dictionaries(_CATEGORY_NAMES, _PATHS),
        "declared_preferences": st.fixed_dictionaries(
            {}, optional={key: st.sampled_from(values) for key, values in PREFERENCES.items()}
        ),
        "live": live_rows(),
        "categories": st.dictionaries(_CATEGORY_NAMES, st.sampled_from(("", "/c1", ["", "/inc"]))).map(
            lambda paths: {**dict.fromkeys(CATEGORIES[1:], ""), **paths}
        ),
    }
)


def cases() -> st.SearchStrategy[dict[str, Any]]:
    """A whole world: a desired state under any policy with a guard that refuses nothing, and an instance."""
    return _WORLDS.map(_drop_path_edits)


def _drop_path_edits(case: dict[str, Any]) -> dict[str, Any]:
    """Return the case without edits of paths that torrents with automatic management follow.

    A server may end automatic management when a path is edited, which the next run finds; the guard refuses another
    default path if a torrent of others follows.
    """
    if not any(row["auto_tmm"] for row in case["live"]):
        return case
    preferences = {key: value for key, value in case["declared_preferences"].items() if key != "save_path"}
    categories = dict.fromkeys(case["declared_categories"])
    return {**case, "declared_categories": categories, "declared_preferences": preferences}


def make_world(case: dict[str, Any]) -> tuple[Any, Any]:
    """The desired state and the snapshot of a case."""
    preferences = {"queueing_enabled": True, "max_connec": 500, "save_path": "/downloads", "proxy_password": "old"}
    return make_desired_state(case), make_snapshot(
        case["live"], case["categories"], preferences, case.get("version", "5.1.0")
    )
