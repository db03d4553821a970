"""Arbitrary desired states and arbitrary instances for hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

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


T = TypeVar("T")


class Choices:
    """Choices read from bytes. Hypothesis draws the bytes of a row at once, which is far cheaper than draws by value.

    It still shrinks each choice: 0 is the first value, an absent key, an empty list. So it is after the last byte.
    """

    def __init__(self, data: bytes) -> None:
        self._bytes = iter(data)

    def pick(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[next(self._bytes, 0) % len(values)]

    def decide(self, percent: int = 50) -> bool:
        """Return True with that probability."""
        return next(self._bytes, 0) >= 256 - 256 * percent // 100

    def pick_distinct(self, values: Sequence[T]) -> list[T]:
        """Return any number of the values, in any order."""
        rest = list(values)
        return [rest.pop(self.pick(range(len(rest)))) for _ in range(self.pick(range(len(rest) + 1)))]

    def pick_some(self, strategies: Mapping[str, Callable[[Choices], Any]]) -> dict[str, Any]:
        """Return values for some of the keys: few of them, or many."""
        percent = self.pick((25, 50, 75))
        return {key: build(self) for key, build in strategies.items() if self.decide(percent)}


def _one_of(*values: Any) -> Callable[[Choices], Any]:
    return lambda choices: choices.pick(values)


def _any_of(*values: Any) -> Callable[[Choices], list[Any]]:
    return lambda choices: choices.pick_distinct(values)


_SHARE_KEYS: Final = {
    "ratio": _one_of(-2, -1, 0, 1.5, 2),
    "seeding_time": _one_of(*SHARE_LIMITS),
    "inactive_seeding_time": _one_of(*SHARE_LIMITS),
    "action": _one_of(*SHARE_ACTIONS),
}


def _pick_file_rules(choices: Choices) -> list[dict[str, str]]:
    return [{"match": choices.pick(GLOBS), "priority": choices.pick(PRIORITIES)} for _ in range(choices.pick(range(4)))]


_ENTRY_KEYS: Final[Mapping[str, Callable[[Choices], Any]]] = {
    "name": _one_of("A", "same"),
    "category": _one_of(*CATEGORIES),
    "tags": lambda choices: {"only": choices.pick_distinct(TAGS)} if choices.decide() else choices.pick_distinct(TAGS),
    "save_path": _one_of(*SAVE_PATHS),
    **dict.fromkeys(("paused", "protect", *FLAGS, "auto_tmm", "force_start", "skip_checking"), _one_of(False, True)),
    **dict.fromkeys(("download_limit", "upload_limit"), _one_of(0, 1000, 5 << 20)),
    "download_path": _one_of(*DOWNLOAD_PATHS),
    "comment": _one_of("", "c", "two\nlines"),
    "share_limits": lambda choices: choices.pick_some(_SHARE_KEYS) or {"ratio": -2},
    "trackers": _any_of(*TRACKERS),
    "web_seeds": _any_of(*WEB_SEEDS),
    "files": _pick_file_rules,
    "content_layout": _one_of("original", "subfolder", "no-subfolder"),
    "stop_condition": _one_of("none", "files-checked"),
    "ignore_changes": _any_of("save_path", "share_limits", "tags", "files", "sequential"),
}
_LIVE_OPTIONS: Final[Mapping[str, Callable[[Choices], Any]]] = {
    **dict.fromkeys((*FLAGS, "auto_tmm"), _one_of(False, True)),
    **dict.fromkeys(("download_limit", "upload_limit"), _one_of(0, 1000)),
    "download_path": _one_of(*DOWNLOAD_PATHS),
    "comment": _one_of("", "c"),
    "share_limits": lambda choices: {"ratio": choices.pick((-2, 1.5)), "seeding_time": choices.pick(SHARE_LIMITS)},
    "trackers": _any_of(*TRACKERS),
    "web_seeds": _any_of(*WEB_SEEDS),
    "size": _one_of(0, 9),
}
_ENTRY_BYTES: Final = 80  # enough for all choices of an entry
_LIVE_BYTES: Final = 48
_WORLD_BYTES: Final = 40


def _pick_hash(choices: Choices, letter: str) -> str:
    return letter if letter in TORRENT_FILES else choices.pick((letter, f"{letter}2", f"{letter}+{letter}2"))


def _pick_live_options(choices: Choices) -> dict[str, Any]:
    row = {key: build(choices) for key, build in _LIVE_OPTIONS.items()}
    return row | {"files": [f"{choices.pick(PRIORITIES)} {path}" for path in FILE_PATHS]} if choices.decide() else row


def _pick_live_row(choices: Choices, letter: str) -> dict[str, Any]:
    return {
        "hash": _pick_hash(choices, letter),
        "name": choices.pick((letter, "same")),
        "category": choices.pick(CATEGORIES),
        "tags": choices.pick_distinct(TAGS + RESERVED_TAGS),
        "save_path": choices.pick(SAVE_PATHS),
        "stopped": choices.decide(),
        "content_path": choices.pick(CONTENT_PATHS),
        "progress": choices.pick((0.0, 0.5, 1.0)),
        **_pick_live_options(choices),
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


def _pick_entry_row(choices: Choices, letter: str) -> dict[str, Any]:
    sources = ("magnet", "magnet", "infohash", *(("torrent",) * 4 if letter in TORRENT_FILES else ()))
    source = {"hash": _pick_hash(choices, letter), "source": choices.pick(sources)}
    if choices.decide(17):
        return source | {"state": "absent"}
    return _drop_contradictions(source | choices.pick_some(_ENTRY_KEYS))


def _build_rows(build: Callable[[Choices, str], dict[str, Any]], rows: list[bytes]) -> list[dict[str, Any]]:
    """Return a row for each piece of bytes, each of another torrent."""
    letters = [*LETTERS, *TORRENT_FILES]
    choices = [Choices(row) for row in rows]
    return [build(row, letters.pop(row.pick(range(len(letters))))) for row in choices]


def live_option_rows() -> st.SearchStrategy[dict[str, Any]]:
    """Generate live options, some with the defaults of a server."""
    return st.binary(min_size=_LIVE_BYTES, max_size=_LIVE_BYTES).map(lambda row: _pick_live_options(Choices(row)))


def live_rows() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Up to eight live torrents: of any owner or none, with any marks, in any condition."""
    rows = st.lists(st.binary(min_size=_LIVE_BYTES, max_size=_LIVE_BYTES), max_size=8)
    return rows.map(lambda rows: _build_rows(_pick_live_row, rows))


def entry_rows() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Up to eight entries with any keys given or not."""
    rows = st.lists(st.binary(min_size=_ENTRY_BYTES, max_size=_ENTRY_BYTES), max_size=8)
    return rows.map(lambda rows: _build_rows(_pick_entry_row, rows))


_PATHS: Final = (*[None] * 6, "", "/c1", "/c2", [None, False], ["/c1", "/inc"], [None, "/inc"])
_PREFERENCE_KEYS: Final = {key: _one_of(*values) for key, values in PREFERENCES.items()}


def _build_case(data: bytes, desired: list[dict[str, Any]], live: list[dict[str, Any]]) -> dict[str, Any]:
    choices = Choices(data)
    return {
        "policy": choices.pick(("create-only", "upsert", "sync")),
        "guard": {"max_delete": 100, "max_delete_percent": 100, "max_move": 100},
        "delete_files": choices.decide(),
        "quarantine": choices.pick((None, 7)),
        "prune_categories": choices.decide(),
        "take_over": choices.decide(),
        "desired": [*desired, {"hash": "z", "state": "absent"}],  # an empty list is always refused
        "declared_categories": {name: choices.pick(_PATHS) for name in choices.pick_distinct(CATEGORIES[1:])},
        "declared_preferences": choices.pick_some(_PREFERENCE_KEYS),
        "live": live,
        "categories": dict.fromkeys(CATEGORIES[1:], "")
        | {name: choices.pick(("", "/c1", ["", "/inc"])) for name in choices.pick_distinct(CATEGORIES[1:])},
    }


_WORLDS: Final = st.builds(
    _build_case, st.binary(min_size=_WORLD_BYTES, max_size=_WORLD_BYTES), entry_rows(), live_rows()
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
