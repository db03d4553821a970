"""The lines that the bench prints."""

from __future__ import annotations

from statistics import median


def print_row(subject: str, figures: str, limit: str, passed: bool) -> None:
    """Print one line of the table."""
    print(f"  {subject:<40} {figures:<58} goal {limit:<9} {'met' if passed else 'MISSED'}", flush=True)


def compare_medians(ours: list[float], raws: list[float]) -> tuple[str, float]:
    """Return both medians and their ratio as text, and the ratio."""
    our, raw = median(ours), median(raws)
    return f"{our:.2f} s / {raw:.2f} s raw = {our / raw:.2f}", our / raw
