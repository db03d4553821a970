"""What became of content: for the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from reconciler.model.content import Content
from reconciler.model.desired import Desired, DesiredTorrent
from reconciler.model.links import link_of, looks_private
from reconciler.model.plan import Outcome, Verb
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, ContentResult, InstanceResult
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.torrent_file import TorrentFile
from reconciler.plan.content import resolve
from reconciler.plan.match import match


def content_of(
    desired: Desired, snapshots: Mapping[str, Snapshot], results: Mapping[str, InstanceResult]
) -> Mapping[str, tuple[ContentResult, ...]]:
    """By instance, every torrent that is declared by its content, with what was read and what was added since."""
    known = resolve(desired, snapshots).desired
    if known is desired:
        return {}
    found: defaultdict[str, list[ContentResult]] = defaultdict(list)
    for name, result in results.items():
        entries = [one for one in known.torrents if one.instance == name and isinstance(one.content, Content)]
        torrents = snapshots[name].torrents if name in snapshots else ()
        lives = {one.entry.at: one.live for one in match(entries, torrents)}
        added = {one.action.source: one for one in result.results if _added(one)}
        found[name] += [_result(entry, lives.get(entry.at), added) for entry in entries if not entry.absent]
    return {name: tuple(some) for name, some in found.items() if some}


def _added(result: ActionResult) -> bool:
    return result.action.verb is Verb.ADD and result.outcome is Outcome.APPLIED and result.action.adds is not None


def _result(
    entry: DesiredTorrent, live: LiveTorrent | None, added: Mapping[Position | None, ActionResult]
) -> ContentResult:
    path = entry.content.path if isinstance(entry.content, Content) else ""
    bare = ContentResult(entry.label, path, entry.at)
    done = added.get(entry.at)
    if live:
        hashes, name = live.infohashes, live.name
    elif done and isinstance(done.action.adds, TorrentFile):
        hashes, name = done.action.adds.infohashes, done.action.name
    else:
        return bare
    magnet = link_of(hashes, name, [url for url in entry.trackers if not looks_private(url)])
    return ContentResult(entry.label, path, entry.at, str(hashes), magnet)
