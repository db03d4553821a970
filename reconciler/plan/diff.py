"""Drift: what differs between an entry and its live torrent. Only what is declared can drift."""

from __future__ import annotations

from functools import lru_cache

from reconciler.model.desired import DesiredTags, DesiredTorrent
from reconciler.model.fields import live_value, normal_path
from reconciler.model.plan import Change, Value
from reconciler.model.quarantine import quarantines, ran_before
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import free_tags

ORDER = ("owner", "name", "category", "tags", "save_path", "paused", "protect")

_View = tuple[tuple[str, Value], ...]


def drift(entry: DesiredTorrent, live: LiveTorrent) -> tuple[Change, ...]:
    """The changes that bring the live torrent to what its entry declares; empty where they agree."""
    wanted = _declared(entry, live)
    present = tuple((field, live_value(live, field)) for field, _ in wanted)
    changes = () if wanted == present else _explain(present, wanted)
    return changes + restored(entry, live) if quarantines(live.tags) else changes


def first_values(entry: DesiredTorrent) -> tuple[Change, ...]:
    """What an add declares, each from nothing."""
    tags = tuple(sorted(entry.tags.names)) if entry.tags else None
    declared: tuple[tuple[str, Value], ...] = (
        ("name", entry.name),
        ("category", entry.category or None),
        ("tags", tags or None),
        ("save_path", entry.save_path and normal_path(entry.save_path)),
        ("paused", bool(entry.paused)),
        ("protect", entry.protect or None),
    )
    return tuple(Change(field, None, value) for field, value in declared if value is not None)


def restored(entry: DesiredTorrent, live: LiveTorrent) -> tuple[Change, ...]:
    """What ends the quarantine of a torrent that is declared (again): its tag goes, and it is as it was before."""
    texts = quarantines(live.tags)
    start = entry.paused is None and live.stopped and ran_before(texts)
    return (Change("quarantine", texts, ()), *((Change("paused", True, False),) if start else ()))


def _declared(entry: DesiredTorrent, live: LiveTorrent) -> _View:
    view: list[tuple[str, Value]] = []
    if entry.name is not None:
        view.append(("name", entry.name))
    if entry.category is not None:
        view.append(("category", entry.category))
    if entry.tags is not None:
        view.append(("tags", _tags(entry.tags, live)))
    if entry.save_path is not None:
        view.append(("save_path", normal_path(entry.save_path)))
    if entry.paused is not None:
        view.append(("paused", entry.paused))
    if entry.protect is not None:
        view.append(("protect", entry.protect))
    return tuple(view)


def _tags(wanted: DesiredTags, live: LiveTorrent) -> tuple[str, ...]:
    return tuple(sorted(wanted.names if wanted.only else wanted.names | free_tags(live.tags)))


@lru_cache(maxsize=4096)
def _explain(present: _View, wanted: _View) -> tuple[Change, ...]:
    """Name the fields of a pair that is known to differ. Cached: drift comes in herds of the same kind."""
    from deepdiff import DeepDiff  # takes 0.15 s to import, and a converged run has nothing to explain

    before, after = dict(present), dict(wanted)
    differing = DeepDiff(before, after).affected_root_keys
    return tuple(Change(field, before[field], after[field]) for field in ORDER if field in differing)
