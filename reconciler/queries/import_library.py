"""Live torrents as a document that declares them. Together with the existing files, its plan only adopts.

This is verified: the document is loaded with the existing files, and planned on the snapshots from which it was made.
An entry whose plan does more than adopt is left out, with the reason.

See docs/decisions/0050-test-an-import-before-printing-it.md.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from reconciler.desired import DesiredStateError
from reconciler.desired.render import (
    CategoriesByInstance,
    ImportedEntry,
    RenderedDocuments,
    SkippedTorrent,
    render_documents,
)
from reconciler.desired.words import suggestion_text
from reconciler.engine.concurrency import map_instances
from reconciler.engine.context import RunContext
from reconciler.engine.observation import Observation, ReadRequest
from reconciler.engine.observe import open_sessions, read_instance
from reconciler.engine.selection import select_instances
from reconciler.model.desired import DesiredState
from reconciler.model.errors import InstanceError, StopRequested
from reconciler.model.fields.names import FORCE_START, HELD, OWNER, PAUSED
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Action, Verb
from reconciler.model.snapshot import Snapshot
from reconciler.plan import PlanInput, make_plan
from reconciler.queries.import_entries import (
    ImportFilter,
    SourceBuilder,
    TorrentSaver,
    entries_of,
    find_undeclared_categories,
    may_hold_passkey,
)
from reconciler.waits import track_wait

_HEADER_ID: Final = 0  # no entry has this id
_MAX_ROUNDS: Final = 5  # one is enough, unless a torrent is on an instance twice


DocumentMerger = Callable[
    [str, str], DesiredState
]  # the name and the text of a new document -> it and the files that are there


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The document, and what it contains. `has_passkeys`: a tracker URL seems to hold one."""

    text: str
    torrent_count: int
    instances: tuple[str, ...]
    skipped: tuple[SkippedTorrent, ...]
    has_passkeys: bool


class UnreadableInstance(Exception):
    """An instance could not be read, so its torrents are unknown."""


class UnmatchedFilter(ValueError):
    """No torrent has the category or the tag of a filter."""


def import_library(
    desired: DesiredState,
    import_filter: ImportFilter,
    load_merged: DocumentMerger,
    context: RunContext,
    *,
    save_torrent: TorrentSaver | None = None,
) -> ImportResult:
    """Read the instances, and return a document that declares their torrents.

    With `save_torrent`, entries refer to .torrent files, where the torrents have metadata. `load_merged` returns the
    desired state of the existing files together with the new document, or raises `DesiredStateError`.
    Raises `UnknownInstance`, `UnreadableInstance`, `UnmatchedFilter`, and `StopRequested`.
    """
    entries: list[ImportedEntry] = []
    skipped: list[SkippedTorrent] = []
    with open_sessions(select_instances(desired, import_filter.instances), context) as sessions:
        observations = map_instances(sessions, lambda name: read_instance(sessions[name], context.retry, ReadRequest()))
        snapshots = {name: _require_snapshot(name, observation) for name, observation in observations.items()}
        _check_filters(import_filter, snapshots.values())
        for name, snapshot in snapshots.items():
            source_builder = SourceBuilder(sessions[name], context.retry, save_torrent)
            try:
                with track_wait("reading the links of", name):
                    for entry in entries_of(desired, import_filter, name, snapshot, source_builder):
                        entries += [entry] if isinstance(entry, ImportedEntry) else []
                        skipped += [entry] if isinstance(entry, SkippedTorrent) else []
            except InstanceError as error:
                raise UnreadableInstance(str(error)) from error
    entries.sort(key=lambda entry: (entry.entry.comments[0].casefold(), entry.infohash, entry.instance))
    return _ImportRefiner(desired, import_filter, load_merged, snapshots, context.utc()).refine(entries, skipped)


class _ImportRefiner:
    """Renders, loads and plans, and drops entries, until the plan only adopts."""

    def __init__(
        self,
        desired: DesiredState,
        import_filter: ImportFilter,
        load_merged: DocumentMerger,
        snapshots: Mapping[str, Snapshot],
        now: datetime,
    ) -> None:
        self._desired = desired
        self._import_filter = import_filter
        self._load_merged = load_merged
        self._snapshots = snapshots
        self._now = now
        self._categories = find_undeclared_categories(desired, snapshots)

    def refine(self, entries: list[ImportedEntry], skipped: list[SkippedTorrent]) -> ImportResult:
        """Return the document without the entries whose plan does more than adopt."""
        names = tuple(self._snapshots)
        for _ in range(_MAX_ROUNDS):
            passkeys = any(may_hold_passkey(entry.entry.source) for entry in entries)
            categories = self._select_used_categories(entries)
            rendered = render_documents(entries, skipped, names, categories, has_passkeys=passkeys)
            refused = self._find_rejected(rendered)
            if refused.pop(_HEADER_ID, None):
                self._categories = {}
            elif not refused:
                return ImportResult(rendered.text, len(entries), names, tuple(skipped), passkeys)
            skipped = skipped + [
                SkippedTorrent(entry.instance, entry.infohash, entry.entry.comments[0], refused[id(entry.entry)])
                for entry in entries
                if id(entry.entry) in refused
            ]
            entries = [entry for entry in entries if id(entry.entry) not in refused]
        raise RuntimeError("the import does not settle")

    def _select_used_categories(self, entries: Sequence[ImportedEntry]) -> CategoriesByInstance:
        """Return the categories to declare, by instance: an entry is in each of them."""
        used = {(entry.instance, entry.entry.keys.get("category")) for entry in entries}
        selected = {
            instance: {name: keys for name, keys in categories.items() if (instance, name) in used}
            for instance, categories in self._categories.items()
        }
        return {instance: categories for instance, categories in selected.items() if categories}

    def _find_rejected(self, rendered: RenderedDocuments) -> dict[int, str]:
        """Return the reasons against entries, by the `id` of the entry; `_HEADER_ID`: the lines above all entries."""

        def find_entry_id(line: int) -> int:
            index = bisect_right(rendered.start_lines, line) - 1
            return _HEADER_ID if index < 0 else id(rendered.entries[index])

        try:
            merged = self._load_merged(self._import_filter.document_name, rendered.text)
        except DesiredStateError as error:
            problems = [
                problem for problem in error.problems if problem.position.file == self._import_filter.document_name
            ]
            if not problems:
                raise
            return {find_entry_id(problem.position.line): problem.message for problem in problems}
        return {
            find_entry_id(action.position.line): action.reason
            for instance_plan in make_plan(PlanInput(merged, self._snapshots, now=self._now)).instances
            for action in instance_plan.actions
            if action.position
            and action.position.file == self._import_filter.document_name
            and not _is_adopt_only(action)
        }


def _is_adopt_only(action: Action) -> bool:
    """True if the action only adopts. A torrent that the kill switch holds is also released."""
    fields = {change.field for change in action.changes}
    released = {HELD, PAUSED, FORCE_START} if HELD in fields else set()
    return not action.hold and fields <= {OWNER} | released and (action.verb is Verb.ADOPT or bool(released))


def _require_snapshot(name: str, observation: Observation) -> Snapshot:
    if isinstance(observation.error, StopRequested):
        raise observation.error
    if observation.snapshot is None:
        raise UnreadableInstance(str(observation.error) or name) from observation.error
    return observation.snapshot


def _check_filters(import_filter: ImportFilter, snapshots: Collection[Snapshot]) -> None:
    """Raise `UnmatchedFilter` for a category or a tag that no torrent has: most likely a typing error."""
    categories = {""}.union(*(snapshot.categories for snapshot in snapshots))
    categories.update(live.category for snapshot in snapshots for live in snapshot.torrents)
    tags = {tag for snapshot in snapshots for live in snapshot.torrents for tag in live.tags}
    for kind, names, existing in (
        ("category", import_filter.categories, categories),
        ("tag", import_filter.tags, tags),
    ):
        for name in names:
            if name not in existing:
                suggestion = suggestion_text(name, tuple(sorted(existing)))
                raise UnmatchedFilter(f'no torrent has the {kind} "{name}"' + (f". {suggestion}" if suggestion else ""))
