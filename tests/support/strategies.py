"""Arbitrary desired states and arbitrary instances for hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime
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


def _hash_names(letter: str) -> st.SearchStrategy[str]:
    if letter in TORRENT_FILES:
        return st.just(letter)
    return st.sampled_from([letter, f"{letter}2", f"{letter}+{letter}2"])


@st.composite
def live_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to eight live torrents: of any owner or none, with any marks, in any condition."""
    letters = draw(st.lists(st.sampled_from([*LETTERS, *TORRENT_FILES]), unique=True, max_size=8))
    return [
        {
            "hash": draw(_hash_names(letter)),
            "name": draw(st.sampled_from([letter, "same"])),
            "category": draw(st.sampled_from(CATEGORIES)),
            "tags": draw(st.lists(st.sampled_from(TAGS + RESERVED_TAGS), unique=True)),
            "save_path": draw(st.sampled_from(SAVE_PATHS)),
            "stopped": draw(st.booleans()),
            "content_path": draw(st.sampled_from(CONTENT_PATHS)),
            "size": draw(st.sampled_from((0, 1000))),
            "progress": draw(st.sampled_from((0.0, 0.5, 1.0))),
            **draw(live_option_rows()),
        }
        for letter in letters
    ]


@st.composite
def live_option_rows(draw: st.DrawFn) -> dict[str, Any]:
    """Generate live options, some with the defaults of a server."""
    row: dict[str, Any] = {flag: draw(st.booleans()) for flag in (*FLAGS, "auto_tmm")}
    row |= {name: draw(st.sampled_from((0, 1000))) for name in ("download_limit", "upload_limit")}
    row |= {"download_path": draw(st.sampled_from(DOWNLOAD_PATHS)), "comment": draw(st.sampled_from(("", "c")))}
    row["share_limits"] = {
        "ratio": draw(st.sampled_from((-2, 1.5))),
        "seeding_time": draw(st.sampled_from(SHARE_LIMITS)),
    }
    row |= {
        "trackers": draw(unique_lists(TRACKERS)),
        "web_seeds": draw(unique_lists(WEB_SEEDS)),
        "size": draw(st.sampled_from((0, 9))),
    }
    if draw(st.booleans()):
        row["files"] = [f"{draw(st.sampled_from(PRIORITIES))} {path}" for path in FILE_PATHS]
    return row


def unique_lists(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    """Generate a list of distinct values."""
    return st.lists(st.sampled_from(values), unique=True, max_size=len(values))


@st.composite
def entry_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to eight entries with any keys given or not."""
    letters = draw(st.lists(st.sampled_from([*LETTERS, *TORRENT_FILES]), unique=True, max_size=8))
    return [draw(_rows_for_letter(letter)) for letter in letters]


@st.composite
def _rows_for_letter(draw: st.DrawFn, letter: str) -> dict[str, Any]:
    sources = ["magnet", "magnet", "infohash", *(["torrent"] * 4 if letter in TORRENT_FILES else [])]
    row: dict[str, Any] = {"hash": draw(_hash_names(letter)), "source": draw(st.sampled_from(sources))}
    if draw(st.integers(0, 5)) == 0:
        return row | {"state": "absent"}
    choices: dict[str, st.SearchStrategy[Any]] = {
        "name": st.sampled_from(["A", "same"]),
        "category": st.sampled_from(CATEGORIES),
        "tags": unique_lists(TAGS) | unique_lists(TAGS).map(lambda tags: {"only": tags}),
        "save_path": st.sampled_from(SAVE_PATHS),
        "paused": st.booleans(),
        "protect": st.booleans(),
        **OPTION_STRATEGIES,
    }
    given = draw(st.sets(st.sampled_from(sorted(choices))))
    return _drop_contradictions(row | {key: draw(choices[key]) for key in sorted(given)})


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


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """A whole world: a desired state under any policy with a guard that refuses nothing, and an instance."""
    live = draw(live_rows())
    paths: st.SearchStrategy[Any] = st.none() | st.sampled_from(
        ("", "/c1", "/c2", [None, False], ["/c1", "/inc"], [None, "/inc"])
    )
    preferences = draw(_partial_mappings(PREFERENCES))
    if any(row["auto_tmm"] for row in live):
        paths = st.none()  # a server may end automatic management when a path is edited, which the next run finds
        preferences.pop("save_path", None)  # the guard refuses it if a torrent of others follows
    return {
        "policy": draw(st.sampled_from(["create-only", "upsert", "sync"])),
        "guard": {"max_delete": 100, "max_delete_percent": 100, "max_move": 100},
        "delete_files": draw(st.booleans()),
        "quarantine": draw(st.sampled_from((None, 7))),
        "prune_categories": draw(st.booleans()),
        "take_over": draw(st.booleans()),
        "desired": [*draw(entry_rows()), {"hash": "z", "state": "absent"}],  # an empty list is always refused
        "declared_categories": draw(st.dictionaries(st.sampled_from(CATEGORIES[1:]), paths)),
        "declared_preferences": preferences,
        "live": live,
        "categories": {
            **dict.fromkeys(CATEGORIES[1:], ""),
            **draw(st.dictionaries(st.sampled_from(CATEGORIES[1:]), st.sampled_from(("", "/c1", ["", "/inc"])))),
        },
    }


@st.composite
def _partial_mappings(draw: st.DrawFn, choices: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    given = draw(st.sets(st.sampled_from(sorted(choices))))
    return {key: draw(st.sampled_from(choices[key])) for key in sorted(given)}


def make_world(case: dict[str, Any]) -> tuple[Any, Any]:
    """The desired state and the snapshot of a case."""
    preferences = {"queueing_enabled": True, "max_connec": 500, "save_path": "/downloads", "proxy_password": "old"}
    return make_desired_state(case), make_snapshot(
        case["live"], case["categories"], preferences, case.get("version", "5.1.0")
    )
