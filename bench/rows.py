"""The lines that the bench prints."""

from __future__ import annotations

from operator import truediv
from statistics import median
from typing import Final

_missed_rows: Final[dict[str, list[str]]] = {}  # by the title above them, in the order of the titles


def print_title(title: str) -> None:
    """Print the line above the rows that belong together."""
    _missed_rows[title] = []
    print(f"\n{title}", flush=True)


def print_row(subject: str, figures: str, limit: str, passed: bool) -> None:
    """Print one line of the table."""
    row = f"  {subject:<40} {figures:<58} goal {limit:<9} {'met' if passed else 'MISSED'}"
    print(row, flush=True)
    if not passed:
        _missed_rows[next(reversed(_missed_rows))].append(row)


def print_figures(subject: str, figures: str) -> None:
    """Print one line of the table that has no goal."""
    print(f"  {subject:<40} {figures}", flush=True)


def print_missed_goals() -> None:
    """Print the lines of all goals that were missed once more: they are easily overlooked among the others."""
    count = sum(map(len, _missed_rows.values()))
    print(f"\nGoals that were missed: {count}" if count else "\nAll goals are met")
    for title, rows in _missed_rows.items():
        if rows:
            print("\n".join((title, *rows)))


def compare_medians(ours: list[float], raws: list[float]) -> tuple[str, float]:
    """Return both medians and their ratio as text, and the ratio.

    Where both were measured in turn, the text has the least and the greatest ratio of a turn: they say how far the
    machine can be trusted.
    """
    our, raw = median(ours), median(raws)
    text = f"{our:.2f} s / {raw:.2f} s raw = {our / raw:.2f}"
    if len(ours) == len(raws) > 1:
        ratios = list(map(truediv, ours, raws))
        text += f" ({min(ratios):.2f} to {max(ratios):.2f})"
    return text, our / raw
