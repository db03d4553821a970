"""Arbitrary desired states and arbitrary instances for hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import product
from random import Random
from typing import Any, Final, TypeVar

from hypothesis import strategies as st

from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_snapshot

LETTERS = "abcd"  # few, so that what is declared and what is there are often the same torrent
TORRENT_FILES = ("1:v1", "2:v2", "3:hybrid", "4:v1")
CATEGORIES = ("", "linux", "films", "linux/iso")
TAGS = ("x", "y", "Z")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MARKS = (
    "reconcile:work",
    "reconcile:protect",
    "reconcile:protect",  # twice as often: only where it is all that forbids a deletion does it show
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
TRACKERS = (
    "http://t.example/s3cr3t/announce",
    "HTTP://T.EXAMPLE:80/s3cr3t/announce",
    "http://t.example/s3cr3t-of-before/announce",  # each of the two above replaces it
    "udp://u.example:1",
)
WEB_SEEDS = ("http://w.example/a%20b", "http://w.example/c?x=1&y=2")
FILE_PATHS = ("T/a.mkv", "T/b.nfo", "T/sub/c.nfo")
GLOBS = ("*.nfo", "sub/*", "/T/*", "**")
PRIORITIES = ("skip", "normal", "high", "maximal")
SHARE_LIMITS = (-2, -1, 0, 60)
SHARE_ACTIONS = ("default", "stop", "remove-with-content")
FLAGS = ("sequential", "first_last_piece_first", "super_seeding")


T = TypeVar("T")


class Choices:
    """Choices made at random from one number, which is far cheaper than draws of hypothesis by value.

    Hypothesis shrinks the number, and below 75 `pick_some` returns values for fewer keys: for none if it is 0.
    """

    def __init__(self, number: int) -> None:
        self._random = Random(number)
        self._most_percent = number

    def pick(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[int(self._random.random() * len(values))]

    def decide(self, percent: int = 50) -> bool:
        """Return True with that probability."""
        return self._random.random() * 100 < percent

    def pick_distinct(self, values: Sequence[T]) -> list[T]:
        """Return any number of the values, in any order."""
        return self._random.sample(values, self.pick(range(len(values) + 1)))

    def pick_some(self, strategies: Mapping[str, Callable[[Choices], Any]]) -> dict[str, Any]:
        """Return values for some of the keys: few of them, or many."""
        percent = min(self.pick((25, 50, 75)), self._most_percent)
        return {key: build(self) for key, build in strategies.items() if self.decide(percent)}


def numbers() -> st.SearchStrategy[int]:
    """Generate numbers for `Choices`."""
    return st.integers(0, 1 << 32)


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


def _pick_exactly(choices: Choices, values: Sequence[str]) -> list[str] | dict[str, list[str]]:
    """Return some of the values, as a minimum or as the only ones."""
    return {"only": choices.pick_distinct(values)} if choices.decide() else choices.pick_distinct(values)


def _pick_file_rules(choices: Choices) -> list[dict[str, str]]:
    return [{"match": choices.pick(GLOBS), "priority": choices.pick(PRIORITIES)} for _ in range(choices.pick(range(4)))]


_ENTRY_KEYS: Final[Mapping[str, Callable[[Choices], Any]]] = {
    "name": _one_of("A", "same"),
    "category": _one_of(*CATEGORIES),
    "tags": lambda choices: _pick_exactly(choices, TAGS),
    "save_path": _one_of(*SAVE_PATHS),
    **dict.fromkeys(("paused", "protect", *FLAGS, "auto_tmm", "force_start", "skip_checking"), _one_of(False, True)),
    **dict.fromkeys(("download_limit", "upload_limit"), _one_of(0, 1000, 5 << 20)),
    "download_path": _one_of(*DOWNLOAD_PATHS),
    "comment": _one_of("", "c", "two\nlines"),
    "share_limits": lambda choices: choices.pick_some(_SHARE_KEYS) or {"ratio": -2},
    "link_trackers": _any_of(*TRACKERS[2:]),  # an add may leave another spelling of a declared one beside it
    "trackers": lambda choices: _pick_exactly(choices, TRACKERS),
    "web_seeds": _any_of(*WEB_SEEDS),
    "files": _pick_file_rules,
    "content_layout": _one_of("original", "subfolder", "no-subfolder"),
    "stop_condition": _one_of("none", "files-checked"),
    "ignore_changes": _any_of("save_path", "share_limits", "tags", "files", "sequential"),
}
_LIVE_OPTIONS: Final[Mapping[str, Callable[[Choices], Any]]] = {
    **dict.fromkeys(FLAGS, _one_of(False, True)),
    "auto_tmm": _one_of(*[False] * 5, True),  # of one torrent, it takes edits of paths from the whole world
    **dict.fromkeys(("download_limit", "upload_limit"), _one_of(0, 1000)),
    "download_path": _one_of(*DOWNLOAD_PATHS),
    "comment": _one_of("", "c"),
    "share_limits": lambda choices: {"ratio": choices.pick((-2, 1.5)), "seeding_time": choices.pick(SHARE_LIMITS)},
    "trackers": _any_of(*TRACKERS),
    "web_seeds": _any_of(*WEB_SEEDS),
    "size": _one_of(0, 9),
}


def _pick_hash(choices: Choices, letter: str) -> str:
    return letter if letter in TORRENT_FILES else choices.pick((letter, f"{letter}2", f"{letter}+{letter}2"))


def pick_live_options(choices: Choices) -> dict[str, Any]:
    """Return live options, some with the defaults of a server."""
    row = {key: build(choices) for key, build in _LIVE_OPTIONS.items()}
    return row | {"files": [f"{choices.pick(PRIORITIES)} {path}" for path in FILE_PATHS]} if choices.decide() else row


def _pick_marks(choices: Choices) -> list[str]:
    """Return few marks: of many, one nearly always forbids what another one asks for."""
    return [choices.pick(MARKS) for _ in range(choices.pick((0, 0, 0, 1, 1, 2)))]


def _pick_live_row(choices: Choices, letter: str) -> dict[str, Any]:
    return {
        "hash": _pick_hash(choices, letter),
        "name": choices.pick((letter, "same")),
        "category": choices.pick(CATEGORIES),
        "tags": [*choices.pick(((), (OWNER_TAG,), (OWNER_TAG,))), *_pick_marks(choices), *choices.pick_distinct(TAGS)],
        "save_path": choices.pick(SAVE_PATHS),
        "stopped": choices.decide(),
        "content_path": choices.pick((*CONTENT_PATHS, f"/downloads/{letter}")),
        "progress": choices.pick((0.0, 0.5, 1.0)),
        **pick_live_options(choices),
    }


def _drop_contradictions(row: dict[str, Any]) -> dict[str, Any]:
    """Return the entry without contradictions, which the desired state would reject or only the next run finds."""
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


def _build_rows(build: Callable[[Choices, str], dict[str, Any]], numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Return a row for each number but 0, each of another torrent."""
    letters = [*LETTERS, *TORRENT_FILES]
    choices = [Choices(number) for number in numbers if number]
    return [build(row, letters.pop(row.pick(range(len(letters))))) for row in choices]


def live_rows() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Up to six live torrents: of any owner or none, with any marks, in any condition."""
    return _ROW_NUMBERS.map(lambda numbers: _build_rows(_pick_live_row, numbers))


def entry_rows() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Up to six entries with any keys given or not."""
    return _ROW_NUMBERS.map(lambda numbers: _build_rows(_pick_entry_row, numbers))


_ROW_NUMBERS: Final = st.lists(numbers(), min_size=2, max_size=6)
_PATHS: Final = (*[None] * 6, "", "/c1", "/c2", [None, False], ["/c1", "/inc"], [None, "/inc"])
_PREFERENCE_KEYS: Final = {key: _one_of(*values) for key, values in PREFERENCES.items()}


def _build_case(
    settings: Mapping[str, Any], number: int, desired: list[dict[str, Any]], live: list[dict[str, Any]]
) -> dict[str, Any]:
    choices = Choices(number)
    return {
        **settings,
        "guard": {"max_delete": 100, "max_delete_percent": 100, "max_move": 100},
        "desired": [*desired, {"hash": "z", "state": "absent"}],  # an empty list is always refused
        "declared_categories": {name: choices.pick(_PATHS) for name in choices.pick_distinct(CATEGORIES[1:])},
        "declared_preferences": choices.pick_some(_PREFERENCE_KEYS),
        "live": live,
        "categories": dict.fromkeys(CATEGORIES[1:], "")
        | {name: choices.pick(("", "/c1", ["", "/inc"])) for name in choices.pick_distinct(CATEGORIES[1:])},
    }


_SETTINGS: Final = [
    {
        "policy": policy,
        "delete_files": delete_files,
        "quarantine": quarantine,
        "prune_categories": prune_categories,
        "take_over": take_over,
    }
    for policy, delete_files, quarantine, prune_categories, take_over in product(
        ("sync", "sync", "sync", "upsert", "create-only"), (False, True), (None, 7), (False, True), (False, True)
    )
]
_WORLDS: Final = st.builds(_build_case, st.sampled_from(_SETTINGS), numbers(), entry_rows(), live_rows())


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
