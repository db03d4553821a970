"""All shards on one page: this one, what its peers tell about themselves, and the silent ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.rows import InstanceRows
from reconciler.model.shard import Shard
from reconciler.report.phrases import strip_instance_prefix
from reconciler.report.summary import brief_summary_text
from reconciler.web.client import InstancePayload, LoopStatus
from reconciler.web.client_text import STATE_HEADLINES
from reconciler.web.loop_view import LoopView
from reconciler.web.pages.instances import TransferFacts, find_transfer_facts
from reconciler.web.pages.verdict import Verdict, judge_loop
from reconciler.web.peers import NOT_ASKED_YET, Peer

_TONES: Final = ("bad", "wait", "good")  # the gravest first
UNANSWERED: Final = "does not answer"
WAITED_FOR: Final = "has not answered yet"


@dataclass(frozen=True, slots=True)
class ShardCells:
    """A row of the table of shards: one process. `link` leads to its page, "" for this process and for an unknown one.

    `reason` says why it does not answer; the rest is then from `answered_at`. `instance_count` None: unknown.
    `reports` are about its instances that need a person.
    """

    name: str
    link: str
    headline: str
    tone: str
    reason: str = ""
    answered_at: datetime | None = None
    instance_count: int | None = None
    reports: tuple[str, ...] = ()
    last_run_at: datetime | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class PeerInstanceCells:
    """A row of the table of the instances of other shards. `shard` is the name of the row in the table of shards.

    `facts` are what this process has read itself. `is_answered` False: the rest is what was last known.
    """

    shard: str
    is_answered: bool
    values: InstancePayload
    facts: TransferFacts


@dataclass(frozen=True, slots=True)
class Fleet:
    """All shards, this one first, and the instances of the others. `note`: why it cannot be complete, or ""."""

    shards: tuple[ShardCells, ...]
    instances: tuple[PeerInstanceCells, ...] = ()
    note: str = ""


def build_fleet(view: LoopView, peers: Sequence[Peer], known_rows: Mapping[str, InstanceRows]) -> Fleet | None:
    """Return all shards; None if this process has all instances and knows no peer.

    `known_rows`: what this process has read for clients, by instance.
    """
    if not (shards := list_shards(view, peers)):
        return None
    return Fleet(
        shards,
        tuple(_iter_instances(view, peers, known_rows)),
        "" if peers else f"This page is about shard {view.shard} only. Name the others with `--peer` to see them here.",
    )


def list_shards(view: LoopView, peers: Sequence[Peer]) -> tuple[ShardCells, ...]:
    """Return all shards, this one first; none if this process has all instances and knows no peer."""
    if not (view.shard or peers):
        return ()
    return (_build_own_cells(view), *map(_build_peer_cells, peers), *_iter_missing_cells(view, peers))


def find_worse(shards: Sequence[ShardCells]) -> ShardCells | None:
    """Return the shard that is worst, if it is worse than the first one."""
    worst = min(shards, key=_rank_tone, default=None)
    return worst if worst and _rank_tone(worst) < _rank_tone(shards[0]) else None


def judge_shards(view: LoopView, shards: Sequence[ShardCells]) -> Verdict:
    """Return the verdict on all shards: that of the worst one."""
    worse = find_worse(shards)
    return Verdict(f"{worse.name}: {worse.headline}", worse.tone) if worse else judge_loop(view)


def explain_shard(shard: ShardCells) -> str:
    """Return the state of another shard as a sentence."""
    if shard.reason:
        return f"{shard.name} {shard.headline}: {shard.reason}."
    return f"{'; '.join(shard.reports) or shard.sentence or shard.headline}."


def advise_shard(shard: ShardCells) -> str:
    """Return what a person should do about another shard."""
    if shard.headline == WAITED_FOR:
        return "Wait: it is being asked."
    if shard.reason:
        return "See if that process runs, and if this one can reach it. Nothing is known about its instances meanwhile."
    return "Look at its page."


def _build_own_cells(view: LoopView) -> ShardCells:
    verdict, last = judge_loop(view), view.last_run
    return ShardCells(
        f"Shard {view.shard}" if view.shard else "This process",
        "",
        verdict.headline,
        verdict.tone,
        instance_count=len(view.instances),
        last_run_at=last.started_at if last else None,
        sentence=brief_summary_text(last.run) if last else "",
    )


def _build_peer_cells(peer: Peer) -> ShardCells:
    status = peer.status
    if status is None:
        is_early = peer.reason == NOT_ASKED_YET
        return ShardCells(
            peer.url, peer.url, WAITED_FOR if is_early else UNANSWERED, "wait" if is_early else "bad", peer.reason
        )
    verdict = _read_verdict(status)
    return ShardCells(
        _name_peer(peer),
        peer.url,
        UNANSWERED if peer.reason else verdict.headline,
        "bad" if peer.reason else verdict.tone,
        peer.reason,
        peer.answered_at,
        len(status.instances),
        tuple(_report_instance(instance) for instance in status.instances if instance.tone == "bad"),
        status.last_run.began if status.last_run else None,
        status.last_run.sentence if status.last_run else "",
    )


def _report_instance(instance: InstancePayload) -> str:
    """Return the name of an instance that needs a person, and the reason."""
    error = (instance.waiting and instance.waiting.reason) or instance.error
    reason = strip_instance_prefix(instance.name, error) if error else "; ".join(instance.guard.reasons)
    return f"{instance.name}: {reason or instance.label}"


def _read_verdict(status: LoopStatus) -> Verdict:
    if status.verdict:
        return Verdict(status.verdict.headline, status.verdict.tone)
    return Verdict(*STATE_HEADLINES[status.state])


def _name_peer(peer: Peer) -> str:
    return f"Shard {peer.status.shard}" if peer.status and peer.status.shard else peer.url


def _iter_missing_cells(view: LoopView, peers: Sequence[Peer]) -> Iterator[ShardCells]:
    """Yield the shards that no peer stands for, such as after a DNS name has forgotten one."""
    if not (view.shard and peers) or any(peer.status is None for peer in peers):
        return
    known = {view.shard, *(peer.status.shard for peer in peers if peer.status)}
    count = Shard.parse(view.shard).count
    for shard in (str(Shard(index, count)) for index in range(count)):
        if shard not in known:
            yield ShardCells(f"Shard {shard}", "", UNANSWERED, "bad", "no `--peer` is this shard")


def _iter_instances(
    view: LoopView, peers: Sequence[Peer], known_rows: Mapping[str, InstanceRows]
) -> Iterator[PeerInstanceCells]:
    for peer in peers:
        for instance in peer.status.instances if peer.status else ():
            facts = find_transfer_facts(instance.name, view.now, known_rows, None)
            yield PeerInstanceCells(_name_peer(peer), not peer.reason, instance, facts)


def _rank_tone(shard: ShardCells) -> int:
    return _TONES.index(shard.tone)
