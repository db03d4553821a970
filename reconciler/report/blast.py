"""What the deletions and quarantines of a run take with them, added up: torrents, data, and who would miss them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.model.fields import QUARANTINE
from reconciler.model.plan import Action, Blast, ObjectKind, Outcome, Verb
from reconciler.model.run import ActionResult
from reconciler.report.text.lines import Line, Style, make_line

_NOT_DONE_OUTCOMES = (Outcome.BLOCKED, Outcome.DROPPED)


@dataclass(frozen=True, slots=True)
class BlastTotals:
    """A sum of blasts. `without_other_seed` is None where no instance could be asked; `sharing_files` may share files."""

    torrents: int = 0
    bytes: int = 0
    with_data: int = 0
    seeding: int = 0
    without_other_seed: int | None = None
    sharing_files: int = 0


def is_deletion(action: Action) -> bool:
    """Does it take a torrent off the instance?"""
    return action.kind is ObjectKind.TORRENT and action.verb is Verb.DELETE


def is_quarantine(action: Action) -> bool:
    """Does it put a torrent where it waits for its deletion?"""
    return any(change.field == QUARANTINE and change.after for change in action.changes)


def is_last_copy(blast: Blast | None) -> bool:
    """Is there data that no other seed is known to have?"""
    return blast is not None and blast.other_seeds == 0 and blast.bytes > 0


def sum_deletions(results: Iterable[ActionResult]) -> BlastTotals:
    """Of all deletions that were done or would be."""
    return _sum_blasts(result.action for result in results if is_deletion(result.action) and _is_counted(result))


def sum_quarantines(results: Iterable[ActionResult]) -> BlastTotals:
    """Of all quarantines that begin."""
    return _sum_blasts(result.action for result in results if is_quarantine(result.action) and _is_counted(result))


def render_blast_totals(label: str, totals: BlastTotals) -> Iterator[Line]:
    """`  deletions take 3 torrents, 12.4 GiB, …`; nothing where there is none."""
    if not totals.torrents:
        return
    alone = totals.without_other_seed
    parts = [
        f"{totals.torrents:,} torrent{'' if totals.torrents == 1 else 's'}",
        f"{format_size(totals.bytes)} on disk",
        *([f"{totals.with_data:,} deleted with data"] if totals.with_data else []),
        f"{totals.seeding:,} seeding",
        "other seeds unknown" if alone is None else f"{alone:,} with no other seed known",
    ]
    if totals.sharing_files:
        parts.append(f"{totals.sharing_files:,} may share files with a torrent that stays")
    yield make_line((f"  {label}: ", Style.DELETE), (", ".join(parts), Style.WAIT))


def format_size(number: int) -> str:
    """Bytes as people write them."""
    from humanize import naturalsize  # only where something is deleted or moved

    return str(naturalsize(number, binary=True))


def blast_totals_json(totals: BlastTotals) -> dict[str, object]:
    """For the JSON report."""
    return {
        "torrents": totals.torrents,
        "bytes": totals.bytes,
        "with_data": totals.with_data,
        "seeding": totals.seeding,
        "without_other_seed": totals.without_other_seed,
        "sharing_files": totals.sharing_files,
    }


def blast_json(blast: Blast | None) -> dict[str, object] | None:
    """The blast of one action for the JSON report."""
    if blast is None:
        return None
    return {
        "torrents": blast.torrents,
        "bytes": blast.bytes,
        "seeding": blast.seeding,
        "other_seeds": blast.other_seeds,
        "shares_files_with": list(blast.shares_with),
    }


def _is_counted(result: ActionResult) -> bool:
    return result.outcome not in _NOT_DONE_OUTCOMES


def _sum_blasts(actions: Iterable[Action]) -> BlastTotals:
    torrents = data = with_data = seeding = alone = sharing = 0
    known = False
    for action in actions:
        blast = action.blast or Blast()
        torrents += 1
        data += blast.bytes
        with_data += action.delete_files
        seeding += blast.seeding
        sharing += bool(blast.shares_with)
        known = known or blast.other_seeds is not None
        alone += is_last_copy(blast)
    return BlastTotals(torrents, data, with_data, seeding, alone if known else None, sharing)
