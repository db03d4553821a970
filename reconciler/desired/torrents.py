"""Checked entries -> desired torrents: defaults applied, each on a known instance, none declared twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

from reconciler.desired.checking import Checked
from reconciler.desired.content import Contents, at_its_place, content_ids, misplaced_export, without_place
from reconciler.desired.context import Context
from reconciler.desired.options import OPTION_KEYS, contradictions, options_of
from reconciler.desired.plain import Document
from reconciler.desired.problems import shown, suggestion
from reconciler.desired.sources import Given, Sources
from reconciler.model.content import Content, ContentOf
from reconciler.model.desired import DesiredTags, DesiredTorrent
from reconciler.model.groups import Group
from reconciler.model.position import Position

_MANAGED: Final = ("category", "tags", "save_path", "paused", "protect", *sorted(OPTION_KEYS - {"delete_files"}))


def build_torrents(
    checked: Sequence[Checked], names: tuple[str, ...], groups: Mapping[str, Group], context: Context
) -> tuple[tuple[DesiredTorrent, ...], int]:
    """Every torrent of every document, in order, and how many are missing because nothing may be contacted now.

    `names` are the instances that there are.
    """
    contents = Contents(context)
    sources = Sources(context, contents)
    for part in checked:
        contents.collect(part, names)
    torrents = _Builder(names, groups, context, sources).all(checked)
    if sources.fetch_all():
        torrents = _Builder(names, groups, context, sources).all(checked)
    return tuple(torrents), sum(len(part.entry.get("torrents", ())) for part in checked) - len(torrents)


class _Builder:
    """Keeps what spans entries: the ids that are taken on each instance, and tag sets, which repeat a lot."""

    def __init__(self, names: tuple[str, ...], groups: Mapping[str, Group], context: Context, sources: Sources) -> None:
        self._sources = sources
        self._names = names
        self._places = {**{name: group.names for name, group in groups.items()}, **{name: (name,) for name in names}}
        self._only = names[0] if len(names) == 1 else None
        self._context = context
        self._taken: dict[str, dict[str, Position]] = {name: {} for name in names}
        self._exports: dict[str, Position] = {}
        self._tags: dict[tuple[bool, tuple[str, ...]], DesiredTags] = {}

    def all(self, checked: Sequence[Checked]) -> list[DesiredTorrent]:
        torrents: list[DesiredTorrent] = []
        for part in checked:
            positions = part.document.items("torrents")
            defaults = part.entry.get("defaults", {})
            self._default_instance(part)
            for index, entry in zip(part.indexes, part.entry.get("torrents", ()), strict=True):
                values: dict[str, Any] = {**defaults, **entry}
                instance = self._instance(values, entry, part, index)
                if entry.get("state") == "absent":
                    self._alone(entry, part.document, index)
                    kept = ("name", "state", "delete_files")
                    values = {key: value for key, value in values.items() if key in kept}
                if "content" in entry:
                    values = without_place(values, entry, part.document, index, self._context)
                elif "export" in entry:
                    misplaced_export(part.document, index, self._context)
                contradictions(values, cast("dict[str, Any]", entry), part.document, index, self._context)
                given = self._sources.of(entry, part.document, index)
                if instance is None or given is None:
                    continue
                if isinstance(given.content, Content):
                    values = at_its_place(values, given.content)
                torrent = self._torrent(positions[index], given, instance, values)
                where = partial(part.document.at, "torrents", index, given.key)  # looked for where it is needed
                if torrent.content:
                    self._check_content(torrent, given.key, where, part.document, index)
                self._unique(torrent, where)
                torrents.append(torrent)
        return torrents

    def _torrent(self, at: Position, given: Given, instance: str, values: dict[str, Any]) -> DesiredTorrent:
        get = values.get
        return DesiredTorrent(
            at,
            given.infohashes,
            given.source,
            instance,
            get("state") == "absent",
            get("name"),
            get("category"),
            self._tag_set(get("tags")),
            get("save_path"),
            get("paused"),
            get("protect"),
            **options_of(values),
            content=given.content,
        )

    def _tag_set(self, tags: Any) -> DesiredTags | None:
        if tags is None:
            return None
        only = isinstance(tags, dict)
        names = tuple(tags["only"] if only else tags)
        if (known := self._tags.get((only, names))) is None:
            known = self._tags[only, names] = DesiredTags(frozenset(names), only)
        return known

    def _instance(self, values: dict[str, Any], entry: Any, part: Checked, index: int) -> str | None:
        """The instance of one entry; None where it is unknown or unsaid."""
        name = values.get("instance")
        if name is None:
            name = self._only
            if name is None:
                self._unsaid(part, index)
            return name
        if name in self._places:
            return str(name)
        if "instance" in entry:
            self._unknown(str(name), part.document.at("torrents", index, "instance"))
        return None

    def _unsaid(self, part: Checked, index: int) -> None:
        """None of several instances is given: an error, unless an invalid value was meant for it."""
        data = part.document.data
        said = {**_mapping(data.get("defaults")), **data["torrents"][index]}.get("instance")
        if said is None and self._names and self._context.complete:
            self._context.problem(
                part.document.at("torrents", index),
                f"this torrent does not say its instance, and there are several: {', '.join(self._names)}",
                f'Add "instance: {self._names[0]}" to it or to the defaults',
            )

    def _default_instance(self, part: Checked) -> None:
        name = part.entry.get("defaults", {}).get("instance")
        if name is not None and name not in self._places:
            self._unknown(name, part.document.at("defaults", "instance"))

    def _unknown(self, name: str, at: Position) -> None:
        if self._names and self._context.complete:
            known = tuple(self._places)
            what = "instance" if known == self._names else "instance or group"
            mend = suggestion(name, known) or f"Known: {', '.join(known)}"
            self._context.problem(at, f"there is no {what} {shown(name)}", mend)

    def _alone(self, entry: Any, document: Document, index: int) -> None:
        """Next to `state: absent` there is nothing to manage; what defaults say is not meant for it."""
        for key in _MANAGED:
            if entry.get(key) is not None:
                at = document.key_at("torrents", index, key)
                self._context.problem(at, f'"{key}" means nothing next to "state: absent"', "Remove one of the two")

    def _unique(self, torrent: DesiredTorrent, where: Callable[[], Position]) -> None:
        """One entry for each torrent on each instance, whether named or a member of a group."""
        for instance in self._places[torrent.instance]:
            taken = self._taken.setdefault(instance, {})
            for id_ in torrent.ids or content_ids(torrent):
                first = taken.setdefault(id_, torrent.at)
                if first is not torrent.at:
                    what = "content" if isinstance(torrent.content, Content) else "torrent"
                    member = "" if instance == torrent.instance else f', a member of "{torrent.instance}",'
                    self._context.problem(
                        where(),
                        f'this {what} is already declared for instance "{instance}"{member} at {first}',
                        "Keep one of the two",
                    )
                    return

    def _check_content(
        self, torrent: DesiredTorrent, key: str, where: Callable[[], Position], document: Document, index: int
    ) -> None:
        """It is on one instance, which is not the one where it is made, and in one exported file."""
        content, instance, problem = torrent.content, torrent.instance, self._context.problem
        if instance not in self._names:
            members = ", ".join(self._places[instance])
            problem(where(), f'"{key}" is for one instance, and "{instance}" is a group', f"Name a member: {members}")
        if isinstance(content, ContentOf) and content.instance == instance:
            message = f"{shown(content.name)} is made on this very instance, {instance}"
            problem(where(), message, "Remove this entry, or name another")
        export = content.export if isinstance(content, Content) else None
        if export and (first := self._exports.setdefault(export.path, torrent.at)) is not torrent.at:
            at = document.at("torrents", index, "export")
            problem(at, f"the torrent at {first} is exported to this file too", "Name another file")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
