"""What is sent in one go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from reconciler.apply.job import Job
from reconciler.apply.target import Target
from reconciler.model.plan import Value
from reconciler.model.snapshot import LiveTorrent

K = TypeVar("K", bound=Hashable)

Requests = Callable[[Target, list[str], Value], None]  # sets torrents, by their ids, to a value


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs that share one request. `done` tells from a live torrent whether this step has taken effect on a job.

    `awaited`: nothing else is sent before it has.
    """

    what: str
    jobs: Sequence[Job]
    send: Callable[[Target, Sequence[Job]], None]
    done: Callable[[Job, LiveTorrent | None], bool]
    awaited: bool = False


def grouped(jobs: Sequence[Job], key: Callable[[Job], K]) -> Iterator[tuple[K, list[Job]]]:
    """The jobs by what they have in common, in the order in which it first appears."""
    groups: defaultdict[K, list[Job]] = defaultdict(list)
    for job in jobs:
        groups[key(job)].append(job)
    yield from groups.items()
