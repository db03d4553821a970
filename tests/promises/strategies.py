"""Arbitrary desired states and arbitrary instances for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.plan.worlds import desired_state, snapshot

LETTERS = "abcdefgh"
CATEGORIES = ("", "linux", "films", "linux/iso")
TAGS = ("x", "y", "Z")
MARKS = ("reconcile:home", "reconcile:work", "reconcile:protect", "reconcile:ignore", "reconcile:held")
PATHS = ("/downloads", "/data/linux", "/data/films")


def _hash(letter: str) -> st.SearchStrategy[str]:
    return st.sampled_from([letter, f"{letter}2", f"{letter}+{letter}2"])


@st.composite
def live_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to eight live torrents: ours, others', foreign, marked, in any condition."""
    letters = draw(st.lists(st.sampled_from(LETTERS), unique=True, max_size=8))
    return [
        {
            "hash": draw(_hash(letter)),
            "name": draw(st.sampled_from([letter, "same"])),
            "category": draw(st.sampled_from(CATEGORIES)),
            "tags": draw(st.lists(st.sampled_from(TAGS + MARKS), unique=True)),
            "save_path": draw(st.sampled_from(PATHS)),
            "stopped": draw(st.booleans()),
        }
        for letter in letters
    ]


@st.composite
def entry_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to eight entries with any keys given or not."""
    letters = draw(st.lists(st.sampled_from(LETTERS), unique=True, max_size=8))
    return [draw(_entry(letter)) for letter in letters]


@st.composite
def _entry(draw: st.DrawFn, letter: str) -> dict[str, Any]:
    row: dict[str, Any] = {"hash": draw(_hash(letter))}
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
        "take_over": draw(st.booleans()),
        "desired": [*draw(entry_rows()), {"hash": "z", "state": "absent"}],  # an empty list is always refused
        "declared_categories": draw(
            st.dictionaries(st.sampled_from(CATEGORIES[1:]), st.none() | st.sampled_from(("", "/c1", "/c2")))
        ),
        "live": draw(live_rows()),
        "categories": {
            **dict.fromkeys(CATEGORIES[1:], ""),
            **draw(st.dictionaries(st.sampled_from(CATEGORIES[1:]), st.sampled_from(("", "/c1")))),
        },
    }


def world(case: dict[str, Any]) -> tuple[Any, Any]:
    """The desired state and the snapshot of a case."""
    return desired_state(case), snapshot(case["live"], case["categories"])
