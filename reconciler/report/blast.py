"""What the deletions and quarantines of a run take with them, added up: torrents, data, and who would miss them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.model.plan import Action, Blast, Kind, Outcome, Verb
from reconciler.model.run import ActionResult
from reconciler.report.text.lines import Line, Style, line

_NOT_DONE = (Outcome.BLOCKED, Outcome.DROPPED)


@dataclass(frozen=True, slots=True)
class Radius:
    """A sum of blasts. `without_other_seed` is None where no instance could be asked; `sharing` may share files."""

    torrents: int = 0
    bytes: int = 0
    with_data: int = 0
    seeding: int = 0
    without_other_seed: int | None = None
    sharing: int = 0


def is_deletion(action: Action) -> bool:
    """Does it take a torrent off the instance?"""
    return action.kind is Kind.TORRENT and action.verb is Verb.DELETE


def is_quarantine(action: Action) -> bool:
    """Does it put a torrent where it waits for its deletion?"""
    return any(change.field == "quarantine" and change.after for change in action.changes)


def is_last(blast: Blast | None) -> bool:
    """Is there data that no other seed is known to have?"""
    return blast is not None and blast.other_seeds == 0 and blast.bytes > 0


def deletions(results: Iterable[ActionResult]) -> Radius:
    """Of all deletions that were done or would be."""
    return _sum(result.action for result in results if is_deletion(result.action) and _counts(result))


def quarantines(results: Iterable[ActionResult]) -> Radius:
    """Of all quarantines that begin."""
    return _sum(result.action for result in results if is_quarantine(result.action) and _counts(result))


def radius_lines(what: str, radius: Radius) -> Iterator[Line]:
    """`  deletions take 3 torrents, 12.4 GiB, …`; nothing where there is none."""
    if not radius.torrents:
        return
    alone = radius.without_other_seed
    parts = [
        f"{radius.torrents:,} torrent{'' if radius.torrents == 1 else 's'}",
        f"{size(radius.bytes)} on disk",
        *([f"{radius.with_data:,} deleted with data"] if radius.with_data else []),
        f"{radius.seeding:,} seeding",
        "other seeds unknown" if alone is None else f"{alone:,} with no other seed known",
    ]
    if radius.sharing:
        parts.append(f"{radius.sharing:,} may share files with a torrent that stays")
    yield line((f"  {what}: ", Style.DELETE), (", ".join(parts), Style.WAIT))


def size(number: int) -> str:
    """Bytes as people write them."""
    from humanize import naturalsize  # only where something is deleted or moved

    return str(naturalsize(number, binary=True))


def as_keys(radius: Radius) -> dict[str, object]:
    """For the JSON report."""
    return {
        "torrents": radius.torrents,
        "bytes": radius.bytes,
        "with_data": radius.with_data,
        "seeding": radius.seeding,
        "without_other_seed": radius.without_other_seed,
        "sharing_files": radius.sharing,
    }


def blast_keys(blast: Blast | None) -> dict[str, object] | None:
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


def _counts(result: ActionResult) -> bool:
    return result.outcome not in _NOT_DONE


def _sum(actions: Iterable[Action]) -> Radius:
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
        alone += is_last(blast)
    return Radius(torrents, data, with_data, seeding, alone if known else None, sharing)
