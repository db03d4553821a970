"""Arbitrary desired states and arbitrary instances for hypothesis."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from tests.plan.worlds import desired_state, snapshot

LETTERS = "abcdefgh"
FILES = ("1:v1", "2:v2", "3:hybrid", "4:v1")
CATEGORIES = ("", "linux", "films", "linux/iso")
TAGS = ("x", "y", "Z")
DAY = date(2026, 11, 21)
MARKS = (
    "reconcile:home",
    "reconcile:work",
    "reconcile:protect",
    "reconcile:ignore",
    "reconcile:quarantine:2026-11-25",
    "reconcile:quarantine:2020-01-01:stopped",
    "reconcile:quarantine:soon",
)
CONTENT = ("", "/data/linux/a", "/data/linux", "/data/films/b")
PREFERENCES: dict[str, tuple[Any, ...]] = {
    "queueing_enabled": (True, False),
    "add_stopped_enabled": (True, False),
    "max_connec": (500, 7, True),
    "dl_limit": (0, 1 << 20),
    "save_path": ("/downloads", "/data"),
    "schedule_from_hour": (8, 9),
    "proxy_password": ("", {"secret": "hunter2"}),
}
PATHS = ("/downloads", "/data/linux", "/data/films")


def _hash(letter: str) -> st.SearchStrategy[str]:
    if letter in FILES:
        return st.just(letter)
    return st.sampled_from([letter, f"{letter}2", f"{letter}+{letter}2"])


@st.composite
def live_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to eight live torrents: ours, others', foreign, marked, in any condition."""
    letters = draw(st.lists(st.sampled_from([*LETTERS, *FILES]), unique=True, max_size=8))
    return [
        {
            "hash": draw(_hash(letter)),
            "name": draw(st.sampled_from([letter, "same"])),
            "category": draw(st.sampled_from(CATEGORIES)),
            "tags": draw(st.lists(st.sampled_from(TAGS + MARKS), unique=True)),
            "save_path": draw(st.sampled_from(PATHS)),
            "stopped": draw(st.booleans()),
            "content_path": draw(st.sampled_from(CONTENT)),
            "size": draw(st.sampled_from((0, 1000))),
            "progress": draw(st.sampled_from((0.0, 0.5, 1.0))),
        }
        for letter in letters
    ]


@st.composite
def entry_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to eight entries with any keys given or not."""
    letters = draw(st.lists(st.sampled_from([*LETTERS, *FILES]), unique=True, max_size=8))
    return [draw(_entry(letter)) for letter in letters]


@st.composite
def _entry(draw: st.DrawFn, letter: str) -> dict[str, Any]:
    sources = ["magnet", "magnet", "infohash", *(["torrent"] * 4 if letter in FILES else [])]
    row: dict[str, Any] = {"hash": draw(_hash(letter)), "source": draw(st.sampled_from(sources))}
    if draw(st.integers(0, 5)) == 0:
        return row | {"state": "absent"}
    some = st.lists(st.sampled_from(TAGS), unique=True, max_size=2)
    choices: dict[str, st.SearchStrategy[Any]] = {
        "name": st.sampled_from(["A", "same"]),
        "category": st.sampled_from(CATEGORIES),
        "tags": some | some.map(lambda tags: {"only": tags}),
        "save_path": st.sampled_from(PATHS),
        "paused": st.booleans(),
        "protect": st.booleans(),
    }
    given = draw(st.sets(st.sampled_from(sorted(choices))))
    return row | {key: draw(choices[key]) for key in sorted(given)}


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """A whole world: a desired state under any policy, with a guard that lets everything pass, and an instance."""
    return {
        "policy": draw(st.sampled_from(["create-only", "upsert", "sync"])),
        "guard": {"max_delete": 100, "max_delete_percent": 100},
        "delete_files": draw(st.booleans()),
        "quarantine": draw(st.sampled_from((None, 7))),
        "prune_categories": draw(st.booleans()),
        "take_over": draw(st.booleans()),
        "desired": [*draw(entry_rows()), {"hash": "z", "state": "absent"}],  # an empty list is always refused
        "declared_categories": draw(
            st.dictionaries(
                st.sampled_from(CATEGORIES[1:]),
                st.none() | st.sampled_from(("", "/c1", "/c2", [None, False], ["/c1", "/inc"], [None, "/inc"])),
            )
        ),
        "declared_preferences": draw(_some(PREFERENCES)),
        "live": draw(live_rows()),
        "categories": {
            **dict.fromkeys(CATEGORIES[1:], ""),
            **draw(st.dictionaries(st.sampled_from(CATEGORIES[1:]), st.sampled_from(("", "/c1", ["", "/inc"])))),
        },
    }


@st.composite
def _some(draw: st.DrawFn, choices: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    given = draw(st.sets(st.sampled_from(sorted(choices))))
    return {key: draw(st.sampled_from(choices[key])) for key in sorted(given)}


def world(case: dict[str, Any]) -> tuple[Any, Any]:
    """The desired state and the snapshot of a case."""
    preferences = {"queueing_enabled": True, "max_connec": 500, "save_path": "/downloads", "proxy_password": "old"}
    return desired_state(case), snapshot(case["live"], case["categories"], preferences)
