"""Which torrent a text names, among all that are declared or live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.desired import Desired, DesiredTorrent
from reconciler.model.explanation import Candidate
from reconciler.model.infohash import InfoHashes
from reconciler.model.lookup import Known, lookup, near
from reconciler.model.snapshot import Snapshot


class NotOne(LookupError):
    """The text means no torrent, or several; `candidates` are those that may have been meant."""

    def __init__(self, message: str, candidates: Sequence[Candidate]) -> None:
        super().__init__(message)
        self.candidates = candidates


@dataclass(frozen=True, slots=True)
class Trace:
    """Something that makes a torrent known: an entry, or a live torrent on an instance."""

    infohashes: InfoHashes | None  # None: nobody knows yet which torrent the entry means
    names: tuple[str, ...]
    place: str
    title: str | None  # what it is called best; None: a link's name has to do

    @property
    def ids(self) -> tuple[str, ...]:
        """What it shares with other traces of the same torrent."""
        return self.infohashes.ids if self.infohashes else (self.place,)


def traces_of(desired: Desired, snapshots: Mapping[str, Snapshot]) -> list[Trace]:
    """Everything that makes torrents known: the entries, and the live torrents of instances."""
    traces = [Trace(one.infohashes, _names(one), str(one.at), one.name) for one in desired.torrents]
    for name, snapshot in snapshots.items():
        traces += [Trace(t.infohashes, (t.name,) if t.name else (), name, t.name or None) for t in snapshot.torrents]
    return traces


def _names(entry: DesiredTorrent) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in (entry.name, entry.label) if name and name != entry.infohash))


def the_one(text: str, traces: Sequence[Trace], unread: Sequence[str]) -> list[Trace]:
    """All traces of the torrent that is meant. Raises `NotOne`."""
    known = [Known(trace, trace.infohashes, trace.names) for trace in traces]
    found = _subjects(lookup(text, known), traces)
    if len(found) == 1:
        return found[0]
    if found:
        candidates = [_candidate(one) for one in found]
        raise NotOne(f'"{text}" is {len(found)} torrents; say which by its infohash', candidates)
    close = [_candidate(one) for one in _subjects(near(text, known), traces)]
    but = f"; {', '.join(unread)} could not be read" if unread else ""
    raise NotOne(f'no torrent is called "{text}", declared or live{but}', close)


def _subjects(found: Sequence[Trace], traces: Sequence[Trace]) -> list[list[Trace]]:
    """The traces of each torrent among those found: whatever shares an infohash is one torrent."""
    subjects: list[list[Trace]] = []
    for first in found:
        if any(first in subject for subject in subjects):
            continue
        ids: set[str] = set(first.ids)
        while more := {k for t in traces if ids.intersection(t.ids) for k in t.ids} - ids:
            ids |= more
        subjects.append([trace for trace in traces if ids.intersection(trace.ids)])
    return subjects


def _candidate(traces: Sequence[Trace]) -> Candidate:
    infohash = hash_text(joined(traces))
    return Candidate(title(traces), infohash, tuple(dict.fromkeys(trace.place for trace in traces)))


def title(traces: Sequence[Trace]) -> str:
    """What it is called best."""
    named = [trace.title for trace in traces if trace.title] + [name for trace in traces for name in trace.names]
    return named[0] if named else hash_text(traces[0].infohashes)


def hash_text(infohashes: InfoHashes | None) -> str:
    """An infohash for people; "" where none is known."""
    return str(infohashes) if infohashes else ""


def joined(traces: Sequence[Trace]) -> InfoHashes | None:
    """What is known of one torrent by all its traces."""
    found = [trace.infohashes for trace in traces if trace.infohashes]
    v1, v2 = next((one.v1 for one in found if one.v1), None), next((one.v2 for one in found if one.v2), None)
    return InfoHashes(v1, v2) if found else None
