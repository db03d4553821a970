"""The progress of drained members, in sentences and in JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from reconciler.model.groups import DrainProgress
from reconciler.report.text.lines import Line, Style, make_line

MAX_REASONS: Final = 3  # that a text names for one member; JSON has all


def drain_text(drain: DrainProgress) -> str:
    """Return what is left on a drained member: `12 left: 3 moving, 9 waiting`."""
    if drain.left is None:
        return "drained; what is left there is not known"
    if drain.is_empty:
        return f"drained and empty: it can be removed from the members of {drain.group}"
    waiting = sum(count for _, count in drain.waiting)
    counts = ((drain.moving, "moving"), (waiting, "waiting"), (drain.unknown, "more not known now"))
    parts = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    return f"drained, {drain.left:,} left: {parts}"


def drain_reasons(drain: DrainProgress) -> list[str]:
    """Return why torrents wait, each reason with their number: the most frequent ones."""
    reasons = [f"{count:,} × {reason}" for reason, count in drain.waiting[:MAX_REASONS]]
    others = len(drain.waiting) - MAX_REASONS
    return [*reasons, f"… and {others:,} more reasons"] if others > 0 else reasons


def render_drains(drains: Sequence[DrainProgress]) -> Iterator[Line]:
    """Return the progress of all drained members as lines."""
    for drain in drains:
        is_done = drain.is_empty
        style = Style.GOOD if is_done else Style.BAD if drain.left is None else Style.WAIT
        yield make_line("  ", (f"{drain.instance} of {drain.group}: {drain_text(drain)}", style))
        for reason in drain_reasons(drain):
            yield make_line("    ", (reason, Style.DIM))


def drain_json(drain: DrainProgress) -> Mapping[str, object]:
    """Return the progress as JSON; `left` is null where the member could not be read."""
    return {
        "instance": drain.instance,
        "group": drain.group,
        "left": drain.left,
        "moving": None if drain.left is None else drain.moving,
        "waiting": None if drain.left is None else sum(count for _, count in drain.waiting),
        "reasons": [{"torrents": count, "reason": reason} for reason, count in drain.waiting],
        "unknown": drain.unknown,
        "empty": drain.is_empty,
    }
