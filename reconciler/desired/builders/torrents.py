"""Checked entries -> desired torrents: defaults applied, each on a known instance, none declared twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

from reconciler.desired.builders.content import (
    ContentIndex,
    list_content_keys,
    reject_export,
    reject_path_keys,
    with_content_path,
)
from reconciler.desired.builders.options import OPTION_KEYS, build_options, check_conflicts
from reconciler.desired.builders.sources import ResolvedSource, SourceResolver
from reconciler.desired.check import CheckedDocument
from reconciler.desired.context import LoadContext
from reconciler.desired.messages import quote_word, suggestion_text
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.content import Content, ContentReference
from reconciler.model.desired import DesiredTags, DesiredTorrent
from reconciler.model.fields import CATEGORY, NAME, PAUSED, PROTECT, SAVE_PATH, TAGS
from reconciler.model.groups import Group
from reconciler.model.position import Position

_MANAGED_KEYS: Final = (CATEGORY, TAGS, SAVE_PATH, PAUSED, PROTECT, *sorted(OPTION_KEYS - {"delete_files"}))


def build_torrents(
    checked_documents: Sequence[CheckedDocument],
    instance_names: tuple[str, ...],
    groups: Mapping[str, Group],
    context: LoadContext,
) -> tuple[tuple[DesiredTorrent, ...], int]:
    """Every torrent of every document, in order, and how many are missing because nothing may be contacted now.

    `names` are the instances that there are.
    """
    contents = ContentIndex(context)
    sources = SourceResolver(context, contents)
    for part in checked_documents:
        contents.add_document(part, instance_names)
    torrents = _TorrentBuilder(instance_names, groups, context, sources).build_all(checked_documents)
    if sources.fetch_all():
        torrents = _TorrentBuilder(instance_names, groups, context, sources).build_all(checked_documents)
    return tuple(torrents), sum(len(part.entry.get("torrents", ())) for part in checked_documents) - len(torrents)


class _TorrentBuilder:
    """Keeps what spans entries: the ids that are taken on each instance, and tag sets, which repeat a lot."""

    def __init__(
        self,
        instance_names: tuple[str, ...],
        groups: Mapping[str, Group],
        context: LoadContext,
        sources: SourceResolver,
    ) -> None:
        self._sources = sources
        self._instance_names = instance_names
        self._instances_by_target = {
            **{name: group.member_names for name, group in groups.items()},
            **{name: (name,) for name in instance_names},
        }
        self._only_instance = instance_names[0] if len(instance_names) == 1 else None
        self._context = context
        self._positions_by_id: dict[str, dict[str, Position]] = {name: {} for name in instance_names}
        self._export_positions: dict[str, Position] = {}
        self._tags_cache: dict[tuple[bool, tuple[str, ...]], DesiredTags] = {}

    def build_all(self, checked_documents: Sequence[CheckedDocument]) -> list[DesiredTorrent]:
        torrents: list[DesiredTorrent] = []
        for part in checked_documents:
            positions = part.document.find_item_positions("torrents")
            defaults = part.entry.get("defaults", {})
            self._check_default_instance(part)
            for index, entry in zip(part.torrent_indexes, part.entry.get("torrents", ()), strict=True):
                values: dict[str, Any] = {**defaults, **entry}
                instance = self._resolve_instance(values, entry, part, index)
                if entry.get("state") == "absent":
                    self._reject_managed_keys(entry, part.document, index)
                    kept = ("name", "state", "delete_files")
                    values = {key: value for key, value in values.items() if key in kept}
                if "content" in entry:
                    values = reject_path_keys(values, entry, part.document, index, self._context)
                elif "export" in entry:
                    reject_export(part.document, index, self._context)
                check_conflicts(values, cast("dict[str, Any]", entry), part.document, index, self._context)
                given = self._sources.resolve(entry, part.document, index)
                if instance is None or given is None:
                    continue
                if isinstance(given.content, Content):
                    values = with_content_path(values, given.content)
                torrent = self._build_torrent(positions[index], given, instance, values)
                where = partial(
                    part.document.find_position, "torrents", index, given.key
                )  # looked for where it is needed
                if torrent.content:
                    self._check_content(torrent, given.key, where, part.document, index)
                self._check_unique(torrent, where)
                torrents.append(torrent)
        return torrents

    def _build_torrent(
        self, position: Position, source: ResolvedSource, instance: str, values: dict[str, Any]
    ) -> DesiredTorrent:
        get = values.get
        return DesiredTorrent(
            position,
            source.infohashes,
            source.source,
            instance,
            get("state") == "absent",
            get(NAME),
            get(CATEGORY),
            self._intern_tags(get(TAGS)),
            get(SAVE_PATH),
            get(PAUSED),
            get(PROTECT),
            **build_options(values),
            content=source.content,
        )

    def _intern_tags(self, tags: Any) -> DesiredTags | None:
        if tags is None:
            return None
        only = isinstance(tags, dict)
        names = tuple(tags["only"] if only else tags)
        if (known := self._tags_cache.get((only, names))) is None:
            known = self._tags_cache[only, names] = DesiredTags(frozenset(names), only)
        return known

    def _resolve_instance(
        self, values: dict[str, Any], entry: Any, checked_document: CheckedDocument, index: int
    ) -> str | None:
        """The instance of one entry; None where it is unknown or unsaid."""
        name = values.get("instance")
        if name is None:
            name = self._only_instance
            if name is None:
                self._report_missing_instance(checked_document, index)
            return name
        if name in self._instances_by_target:
            return str(name)
        if "instance" in entry:
            self._report_unknown_instance(
                str(name), checked_document.document.find_position("torrents", index, "instance")
            )
        return None

    def _report_missing_instance(self, checked_document: CheckedDocument, index: int) -> None:
        """None of several instances is given: an error, unless an invalid value was meant for it."""
        data = checked_document.document.data
        said = {**_ensure_mapping(data.get("defaults")), **data["torrents"][index]}.get("instance")
        if said is None and self._instance_names and self._context.is_complete:
            self._context.add_problem(
                checked_document.document.find_position("torrents", index),
                f"this torrent does not say its instance, and there are several: {', '.join(self._instance_names)}",
                f'Add "instance: {self._instance_names[0]}" to it or to the defaults',
            )

    def _check_default_instance(self, checked_document: CheckedDocument) -> None:
        name = checked_document.entry.get("defaults", {}).get("instance")
        if name is not None and name not in self._instances_by_target:
            self._report_unknown_instance(name, checked_document.document.find_position("defaults", "instance"))

    def _report_unknown_instance(self, name: str, position: Position) -> None:
        if self._instance_names and self._context.is_complete:
            known = tuple(self._instances_by_target)
            what = "instance" if known == self._instance_names else "instance or group"
            mend = suggestion_text(name, known) or f"Known: {', '.join(known)}"
            self._context.add_problem(position, f"there is no {what} {quote_word(name)}", mend)

    def _reject_managed_keys(self, entry: Any, document: YamlDocument, index: int) -> None:
        """Next to `state: absent` there is nothing to manage; what defaults say is not meant for it."""
        for key in _MANAGED_KEYS:
            if entry.get(key) is not None:
                at = document.find_key_position("torrents", index, key)
                self._context.add_problem(at, f'"{key}" means nothing next to "state: absent"', "Remove one of the two")

    def _check_unique(self, torrent: DesiredTorrent, find_position: Callable[[], Position]) -> None:
        """One entry for each torrent on each instance, whether named or a member of a group."""
        for instance in self._instances_by_target[torrent.instance]:
            taken = self._positions_by_id.setdefault(instance, {})
            for id_ in torrent.ids or list_content_keys(torrent):
                first = taken.setdefault(id_, torrent.position)
                if first is not torrent.position:
                    what = "content" if isinstance(torrent.content, Content) else "torrent"
                    member = "" if instance == torrent.instance else f', a member of "{torrent.instance}",'
                    self._context.add_problem(
                        find_position(),
                        f'this {what} is already declared for instance "{instance}"{member} at {first}',
                        "Keep one of the two",
                    )
                    return

    def _check_content(
        self,
        torrent: DesiredTorrent,
        key: str,
        find_position: Callable[[], Position],
        document: YamlDocument,
        index: int,
    ) -> None:
        """It is on one instance, which is not the one where it is made, and in one exported file."""
        content, instance, problem = torrent.content, torrent.instance, self._context.add_problem
        if instance not in self._instance_names:
            members = ", ".join(self._instances_by_target[instance])
            problem(
                find_position(),
                f'"{key}" is for one instance, and "{instance}" is a group',
                f"Name a member: {members}",
            )
        if isinstance(content, ContentReference) and content.instance == instance:
            message = f"{quote_word(content.name)} is made on this very instance, {instance}"
            problem(find_position(), message, "Remove this entry, or name another")
        export = content.export if isinstance(content, Content) else None
        if (
            export
            and (first := self._export_positions.setdefault(export.path, torrent.position)) is not torrent.position
        ):
            at = document.find_position("torrents", index, "export")
            problem(at, f"the torrent at {first} is exported to this file too", "Name another file")


def _ensure_mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
