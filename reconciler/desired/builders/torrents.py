"""Builds the desired torrents: defaults applied, each on a declared instance, none declared twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from operator import attrgetter
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
from reconciler.desired.check import CheckedDocument, NamedSource, join_source
from reconciler.desired.context import LoadContext
from reconciler.desired.merge import warn_of_shadowed
from reconciler.desired.schema.torrents import MAX_LABELS, SOURCE_KEYS, TorrentEntry
from reconciler.desired.words import quote_word, suggestion_text
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.codes import Code
from reconciler.model.content import Content, ContentReference
from reconciler.model.desired import DesiredTags, DesiredTorrent
from reconciler.model.fields.names import CATEGORY, NAME, PAUSED, PROTECT, SAVE_PATH, TAGS
from reconciler.model.files import FileRule, hint_at_files
from reconciler.model.groups import Group
from reconciler.model.magnet import Magnet
from reconciler.model.position import Position
from reconciler.model.torrent_file import TorrentFile, TorrentFileError, identify_torrent

_get_last_fields: Final = attrgetter(*(field.name for field in fields(DesiredTorrent)[6:]))  # after its name
_KEYS_OF_ABSENT: Final = ("name", "state", "delete_files", "labels")
MANAGED_KEYS: Final = (CATEGORY, TAGS, SAVE_PATH, PAUSED, PROTECT, *sorted(OPTION_KEYS - {"delete_files"}))


def build_torrents(
    checked_documents: Sequence[CheckedDocument],
    instance_names: tuple[str, ...],
    groups: Mapping[str, Group],
    context: LoadContext,
) -> tuple[tuple[DesiredTorrent, ...], int]:
    """Build every torrent of every document, in order. `instance_names` are the declared instances.

    Also returns how many torrents are missing because their URLs may not be fetched now.
    """
    contents = ContentIndex(context)
    sources = SourceResolver(context, contents)
    for checked in checked_documents:
        contents.add_document(checked, instance_names)
    builder = _TorrentBuilder(instance_names, groups, context, sources)
    torrents = builder.build_all(checked_documents)
    if sources.fetch_all():
        builder = _TorrentBuilder(instance_names, groups, context, sources)
        torrents = builder.build_all(checked_documents)
    entry_count = sum(len(checked.torrent_keys) for checked in checked_documents)
    return tuple(torrents), entry_count - len(torrents) - builder.shadowed_count


class _TorrentBuilder:
    """Builds torrents one by one, with the state that spans entries: ids and export files in use, and repeated tags."""

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
        positions_by_instance: defaultdict[str, dict[str, Position]] = defaultdict(dict)
        self._positions_by_target = {
            target: [(name, positions_by_instance[name]) for name in names]
            for target, names in self._instances_by_target.items()
        }
        self._export_positions: dict[str, Position] = {}
        self._tags_cache: dict[tuple[bool, tuple[str, ...]], DesiredTags] = {}
        self._default_rules: dict[int, tuple[FileRule, ...]] = {}  # by the id of a document
        self._shared_fields: dict[int, tuple[str, bool, tuple[Any, ...]]] = {}  # by the id of the keys of torrents
        self.shadowed_count = 0  # entries of the intake that people declare too

    def build_all(self, checked_documents: Sequence[CheckedDocument]) -> list[DesiredTorrent]:
        torrents: list[DesiredTorrent] = []
        for checked in checked_documents:
            positions = checked.document.find_item_positions("torrents")
            self._check_default_instance(checked)
            self._shared_fields.clear()
            entries = zip(checked.torrent_indexes, checked.torrent_sources, checked.torrent_keys, strict=True)
            for index, source, keys in entries:
                torrent = self._build_entry(checked, index, source, keys, positions[index])
                if torrent is None or (torrent.is_handed_in and self._is_shadowed(torrent)):
                    continue
                if torrent.content:
                    self._check_content(torrent, keys, checked.document, index)
                if earlier := self._find_earlier(torrent):
                    key = _get_source_key(join_source(source, keys))
                    place = checked.document.find_position("torrents", index, key)
                    self._report_duplicate(torrent, *earlier, place)
                torrents.append(torrent)
        return torrents

    def _build_entry(
        self, checked: CheckedDocument, index: int, source: NamedSource | None, keys: TorrentEntry, position: Position
    ) -> DesiredTorrent | None:
        """Build the torrent of one entry; None without an instance or a source.

        With a source, `keys` is one object for all entries with the same keys: what these make of the first of them,
        without any problem, they make of all.
        """
        if source is None:
            return self._build_new_entry(checked, index, keys, position)
        if shared := self._shared_fields.get(id(keys)):
            identity, name = source
            instance, is_absent, other_fields = shared
            if isinstance(identity, Magnet):
                return DesiredTorrent(position, identity.infohashes, identity, instance, is_absent, name, *other_fields)
            return DesiredTorrent(position, identity, None, instance, is_absent, name, *other_fields)
        context = self._context
        earlier_count = len(context.problems) + len(context.warnings)
        torrent = self._build_new_entry(checked, index, join_source(source, keys), position)
        if torrent and len(context.problems) + len(context.warnings) == earlier_count:
            self._shared_fields[id(keys)] = torrent.instance, torrent.absent, _get_last_fields(torrent)
        return torrent

    def _build_new_entry(
        self, checked: CheckedDocument, index: int, entry: TorrentEntry, position: Position
    ) -> DesiredTorrent | None:
        document, context = checked.document, self._context
        defaults = checked.entry.get("defaults")
        values = cast("dict[str, Any]", {**defaults, **entry} if defaults else entry)
        instance = self._resolve_instance(values, entry, checked, index)
        if entry.get("state") == "absent":
            self._reject_managed_keys(entry, document, index)
            values = {key: value for key, value in values.items() if key in _KEYS_OF_ABSENT}
        if "content" in entry:
            values = reject_path_keys(values, entry, document, index, context)
        elif "export" in entry:
            reject_export(document, index, context)
        check_conflicts(values, cast("dict[str, Any]", entry), document, index, context)
        source = self._sources.resolve(entry, document, index)
        if instance is None or source is None:
            return None
        if isinstance(source.content, Content):
            values = with_content_path(values, source.content)
        torrent = self._build_torrent(position, source, instance, values)
        return self._complete_torrent(torrent, entry, document, index)

    def _complete_torrent(
        self, torrent: DesiredTorrent, entry: TorrentEntry, document: YamlDocument, index: int
    ) -> DesiredTorrent:
        """Add what depends on the document: the labels as they are written, the intake, and the positions of rules."""
        if document.file == self._context.intake_file:
            torrent = replace(torrent, is_handed_in=True)
        if "labels" in entry:
            torrent = replace(torrent, labels=_build_labels(entry["labels"], document, index, self._context))
        if torrent.files and "files" not in entry:
            return replace(torrent, files=self._locate_default_rules(torrent.files, document))
        if torrent.files and isinstance(torrent.source, TorrentFile):
            self._check_file_rules(torrent.files, torrent.source, document, index)
        return torrent

    def _build_torrent(
        self, position: Position, source: ResolvedSource, instance: str, values: dict[str, Any]
    ) -> DesiredTorrent:
        get = values.get
        return DesiredTorrent(
            position=position,
            infohashes=source.infohashes,
            source=source.source,
            instance=instance,
            absent=get("state") == "absent",
            name=get(NAME),
            category=get(CATEGORY),
            tags=self._intern_tags(get(TAGS)),
            save_path=get(SAVE_PATH),
            paused=get(PAUSED),
            protect=get(PROTECT),
            content=source.content,
            unknown_source=source.unknown_source,
            **build_options(values),
        )

    def _locate_default_rules(self, rules: tuple[FileRule, ...], document: YamlDocument) -> tuple[FileRule, ...]:
        """Return the rules for files that the defaults of a document contain, with their positions."""
        if (located := self._default_rules.get(id(document))) is None:
            located = self._default_rules[id(document)] = tuple(
                replace(rule, position=document.find_position("defaults", "files", number, "match"))
                for number, rule in enumerate(rules)
            )
        return located

    def _check_file_rules(
        self, rules: tuple[FileRule, ...], source: TorrentFile, document: YamlDocument, index: int
    ) -> None:
        """Warn of the rules of an entry that match no file of its .torrent file."""
        try:
            paths = identify_torrent(source.read()).files
        except TorrentFileError:
            return  # it has just been read; what is wrong with it now is reported when it is sent
        for number, rule in enumerate(rules):
            if not any(map(rule.matches, paths)):
                position = document.find_position("torrents", index, "files", number, "match")
                message = f"the rule {quote_word(rule.glob)} matches no file of this torrent"
                self._context.add_warning(position, Code.UNMATCHED_RULE, message, hint_at_files(rule, paths))

    def _intern_tags(self, tags: Any) -> DesiredTags | None:
        if tags is None:
            return None
        only = isinstance(tags, dict)
        names = tuple(tags["only"] if only else tags)
        if (desired_tags := self._tags_cache.get((only, names))) is None:
            desired_tags = self._tags_cache[only, names] = DesiredTags(frozenset(names), only)
        return desired_tags

    def _resolve_instance(
        self, values: dict[str, Any], entry: TorrentEntry, checked: CheckedDocument, index: int
    ) -> str | None:
        """Return the instance or group of one entry; None where it is unknown or not given."""
        name = values.get("instance")
        if name is None:
            if self._only_instance is None:
                self._report_missing_instance(checked, index)
            return self._only_instance
        if name in self._instances_by_target:
            return str(name)
        if "instance" in entry:
            self._report_unknown_instance(str(name), checked.document.find_position("torrents", index, "instance"))
        return None

    def _report_missing_instance(self, checked: CheckedDocument, index: int) -> None:
        """Report an entry without an instance, unless it or the defaults have an invalid one."""
        data = checked.document.data
        name = {**_ensure_mapping(data.get("defaults")), **data["torrents"][index]}.get("instance")
        if name is None and self._instance_names and self._context.is_complete:
            self._context.add_problem(
                checked.document.find_position("torrents", index),
                Code.WHICH_INSTANCE,
                f"this torrent has no instance, and there are several: {', '.join(self._instance_names)}",
                f'Add "instance: {self._instance_names[0]}" to it or to the defaults',
            )

    def _check_default_instance(self, checked: CheckedDocument) -> None:
        name = checked.entry.get("defaults", {}).get("instance")
        if name is not None and name not in self._instances_by_target:
            self._report_unknown_instance(name, checked.document.find_position("defaults", "instance"))

    def _report_unknown_instance(self, name: str, position: Position) -> None:
        if self._instance_names and self._context.is_complete:
            targets = tuple(self._instances_by_target)
            kind = "instance" if targets == self._instance_names else "instance or group"
            hint = suggestion_text(name, targets) or f"Known: {', '.join(targets)}"
            self._context.add_problem(position, Code.UNKNOWN_INSTANCE, f"there is no {kind} {quote_word(name)}", hint)

    def _reject_managed_keys(self, entry: TorrentEntry, document: YamlDocument, index: int) -> None:
        """Report keys that have no effect on an absent torrent. Defaults for them do not apply to it."""
        for key in MANAGED_KEYS:
            if entry.get(key) is not None:
                position = document.find_key_position("torrents", index, key)
                self._context.add_problem(
                    position,
                    Code.ABSENT_WITH_KEYS,
                    f'"{key}" has no effect with "state: absent"',
                    "Remove one of the two",
                )

    def _find_earlier(self, torrent: DesiredTorrent) -> tuple[str, Position] | None:
        """Return an instance for which an earlier entry declares this torrent, directly or through a group, and where.

        None for a torrent that is new on each of its instances.
        """
        position, ids = torrent.position, torrent.ids or _list_keys_of_unknown(torrent)
        for instance, positions in self._positions_by_target[torrent.instance]:
            for id_ in ids:
                first = positions.setdefault(id_, position)
                if first is not position:
                    return instance, first
        return None

    def _report_duplicate(self, torrent: DesiredTorrent, instance: str, first: Position, position: Position) -> None:
        kind = "content" if isinstance(torrent.content, Content) else "torrent"
        member = "" if instance == torrent.instance else f', a member of "{torrent.instance}",'
        message = f'this {kind} is already declared for instance "{instance}"{member} at {first}'
        self._context.add_problem(position, Code.DUPLICATE_TORRENT, message, "Keep one of the two")

    def _is_shadowed(self, torrent: DesiredTorrent) -> bool:
        """Return True, with a warning, for an entry of the intake whose torrent another entry declares."""
        for _, positions in self._positions_by_target[torrent.instance]:
            for id_ in torrent.ids or _list_keys_of_unknown(torrent):
                if id_ in positions:
                    warn_of_shadowed("torrent", torrent.position, positions[id_], self._context)
                    self.shadowed_count += 1
                    return True
        return False

    def _check_content(self, torrent: DesiredTorrent, entry: TorrentEntry, document: YamlDocument, index: int) -> None:
        """Report content for a group, a reference to content of the same instance, and an export file used twice."""
        content, instance, add_problem = torrent.content, torrent.instance, self._context.add_problem
        key = _get_source_key(entry)
        position = document.find_position("torrents", index, key)
        if instance not in self._instance_names:
            members = ", ".join(self._instances_by_target[instance])
            add_problem(
                position,
                Code.CONTENT_IN_GROUP,
                f'"{key}" needs a single instance, and "{instance}" is a group',
                f"Name one of its members: {members}",
            )
        if isinstance(content, ContentReference) and content.instance == instance:
            message = f"{quote_word(content.name)} is created on the same instance, {instance}"
            add_problem(position, Code.CONTENT_OF, message, "Remove this entry, or name another instance")
        export = content.export if isinstance(content, Content) else None
        if (
            export
            and (first := self._export_positions.setdefault(export.path, torrent.position)) is not torrent.position
        ):
            message = f"the torrent at {first} is exported to the same file"
            add_problem(document.find_position("torrents", index, "export"), Code.EXPORT, message, "Name another file")


def _get_source_key(entry: TorrentEntry) -> str:
    """Return the key that names the torrent of an entry: it has exactly one."""
    return next(key for key in SOURCE_KEYS if key in entry)


def _list_keys_of_unknown(torrent: DesiredTorrent) -> tuple[str, ...]:
    """Return the keys that only one entry of an instance can have as long as the infohash is unknown."""
    return (f"url {torrent.unknown_source.location}",) if torrent.unknown_source else list_content_keys(torrent)


def _build_labels(
    labels: Mapping[str, str | float], document: YamlDocument, index: int, context: LoadContext
) -> dict[str, str]:
    """Return the labels of an entry as text. A number is as it is written: 007 stays 007."""
    if len(labels) > MAX_LABELS:
        position = document.find_key_position("torrents", index, "labels")
        context.add_problem(position, Code.LABEL, f"a torrent can have at most {MAX_LABELS} labels", "Remove some")
    return {
        name: value if isinstance(value, str) else document.get_text("torrents", index, "labels", name)
        for name, value in labels.items()
    }


def _ensure_mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
