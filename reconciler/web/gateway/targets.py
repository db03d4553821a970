"""The torrents that a call means, and whether a service may change them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from starlette.exceptions import HTTPException

from reconciler.report.sanitize import sanitize_text
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.gateway.parameters import split_ids
from reconciler.web.sync_states import SyncState


def select_targets(torrents: Mapping[str, KnownTorrent], text: str, *, is_single: bool = False) -> list[KnownTorrent]:
    """Return the torrents that `hashes`, or the one that `hash` names.

    `all` means all torrents that services handed in. Unknown torrents are skipped, as in 5.1; one by itself is 404.
    Raises `HTTPException` (409) if one of the torrents is not for services to change.
    """
    if text == "all" and not is_single:
        return list_handed_in(torrents)
    targets = find_torrents(torrents, [text.strip().lower()] if is_single else split_ids(text))
    if is_single and not targets:
        raise HTTPException(404, "Not Found")
    for known in targets:
        refuse_unless_handed_in(known)
    return targets


def list_handed_in(torrents: Mapping[str, KnownTorrent]) -> list[KnownTorrent]:
    """Return the torrents that services handed in, except for what is to be deleted."""
    return [known for known in torrents.values() if known.is_handed_in and known.sync_state != SyncState.REMOVED]


def find_torrents(torrents: Mapping[str, KnownTorrent], ids: Iterable[str]) -> list[KnownTorrent]:
    """Return the torrents with these ids: those of the list, or other infohashes of entries. Each of them once."""
    targets: dict[str, KnownTorrent] = {}
    other_ids: dict[str, KnownTorrent] | None = None
    for torrent_id in ids:
        known = torrents.get(torrent_id)
        if known is None:
            if other_ids is None:
                other_ids = {other: known for known in torrents.values() if known.entry for other in known.entry.ids}
            known = other_ids.get(torrent_id)
        if known is not None and known.sync_state != SyncState.REMOVED:
            targets[str(known.row["hash"])] = known
    return list(targets.values())


def refuse_unless_handed_in(known: KnownTorrent) -> None:
    """Raise `HTTPException` (409) for a torrent that no service handed in."""
    if known.is_handed_in:
        return
    torrent_id = known.row["hash"]
    if known.entry:
        text = f"{torrent_id} is declared at {known.entry.position}, and can only be changed there."
    elif known.is_owned:
        text = f"{torrent_id} is ours, but was not handed in by a service."
    else:
        text = f"{torrent_id} is not ours: it was neither declared nor handed in."
    raise HTTPException(409, sanitize_text(text))
