"""The effect of a run's deletions and quarantines: torrents, data, and the people who would miss them."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.fields.names import QUARANTINE
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Action, Blast, DeleteTorrent, Outcome, UpdateTorrent
from reconciler.model.run import ActionResult

_NOT_DONE_OUTCOMES = (Outcome.BLOCKED, Outcome.DROPPED)


@dataclass(frozen=True, slots=True)
class BlastTotals:
    """A sum of blasts.

    `without_other_seed` is None if no instance reports other seeds. `sharing_files` counts torrents that may share
    files with a torrent that stays.
    """

    torrents: int = 0
    bytes: int = 0
    with_data: int = 0
    seeding: int = 0
    without_other_seed: int | None = None
    sharing_files: int = 0


def is_deletion(action: Action) -> bool:
    """True if the action removes a torrent from the instance."""
    return isinstance(action, DeleteTorrent)


def is_quarantine(action: Action) -> bool:
    """True if the action puts a torrent into quarantine."""
    is_update = isinstance(action, UpdateTorrent)
    return is_update and any(change.field == QUARANTINE and change.after for change in action.changes)


def is_last_copy(blast: Blast | None) -> bool:
    """True if there is data and no other seed is known to have it."""
    return blast is not None and blast.other_seeds == 0 and blast.bytes > 0


def sum_deletions(results: Iterable[ActionResult]) -> BlastTotals:
    """Add up all deletions that were done or would be done."""
    return _sum_blasts(result for result in results if is_deletion(result.action) and _is_counted(result))


def sum_quarantines(results: Iterable[ActionResult]) -> BlastTotals:
    """Add up all quarantines that begin."""
    return _sum_blasts(result for result in results if is_quarantine(result.action) and _is_counted(result))


def _is_counted(result: ActionResult) -> bool:
    return result.outcome not in _NOT_DONE_OUTCOMES


def _deletes_data(result: ActionResult) -> bool:
    """Return True if data is deleted: not moved to a trash, and not kept where it was seen to stay."""
    action, is_unconfirmed = result.action, result.is_removed and result.outcome is not Outcome.APPLIED
    to_trash = action.blast is not None and action.blast.to_trash
    return isinstance(action, DeleteTorrent) and action.delete_files and not to_trash and not is_unconfirmed


def _sum_blasts(results: Iterable[ActionResult]) -> BlastTotals:
    torrents = size = with_data = seeding = last_copies = sharing = 0
    are_seeds_known = False
    for result in results:
        blast = result.action.blast or Blast()
        torrents += 1
        size += blast.bytes
        with_data += _deletes_data(result)
        seeding += blast.seeding
        sharing += bool(blast.shares_with)
        are_seeds_known = are_seeds_known or blast.other_seeds is not None
        last_copies += is_last_copy(blast)
    return BlastTotals(torrents, size, with_data, seeding, last_copies if are_seeds_known else None, sharing)
