"""The way from paths to a `DesiredState`: the one entry point of this room."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from reconciler.desired.builders.groups import build_groups
from reconciler.desired.builders.instances import build_categories, build_instances
from reconciler.desired.builders.torrents import build_torrents
from reconciler.desired.check import CheckedDocument
from reconciler.desired.context import DesiredStateError, LoadContext
from reconciler.desired.files import list_yaml_files, read_files
from reconciler.desired.merge import UNIQUE_KEYS, find_clashes, list_instance_names
from reconciler.desired.torrent_files import TorrentFileCache
from reconciler.desired.yaml.document import YamlDocument
from reconciler.desired.yaml.parser import compose_nodes
from reconciler.model.desired import DesiredCategory, DesiredState, GuardLimits, Policy


def build_desired(checked_documents: list[CheckedDocument], context: LoadContext) -> DesiredState:
    """The merged desired state; worth something only if `context` has no problems afterwards."""
    once: dict[str, Any] = {}
    categories: dict[str, DesiredCategory] = {}
    for part in checked_documents:
        once |= {key: value for key, value in part.entry.items() if key in UNIQUE_KEYS}
        categories |= build_categories(part.document, ("categories",), part.entry.get("categories", {}))
    names = list_instance_names([part.document for part in checked_documents])
    instances = build_instances(checked_documents, context)
    groups = build_groups(checked_documents, names, context)
    torrents, unfetched = build_torrents(
        checked_documents, names, groups, context
    )  # last: only what is valid so far is fetched
    return DesiredState(
        policy=Policy(once.get("policy", Policy.CREATE_ONLY)),
        instances=instances,
        torrents=torrents,
        categories=categories,
        owner=once.get("owner", "default"),
        delete_files=once.get("delete_files", False),
        quarantine_days=once.get("quarantine"),
        prune_categories=once.get("prune_categories", False),
        guard=GuardLimits(**once.get("guard", {})),
        suspend=once.get("suspend", False),
        accept_plan=once.get("accept_plan"),
        groups=groups,
        warnings=tuple(sorted(set(context.warnings))),
        files=tuple(dict.fromkeys(context.files)),
        unfetched_count=unfetched,
    )


def load(
    paths: Sequence[Path],
    environ: Mapping[str, str],
    *,
    resolve_secrets: bool = True,
    torrent_files: TorrentFileCache | None = None,
    texts: Mapping[Path, str] = MappingProxyType({}),
) -> DesiredState:
    """Read, check and merge the desired state of `paths`: files, and directories of `*.yaml` and `*.yml`.

    Secrets come from `environ` and from files. With `resolve_secrets` False, those that are missing on this
    machine become warnings, and such an instance has none. `torrent_files` gets the .torrent files of URLs, and keeps
    what it has read for the next load; without it they are not contacted, and are counted as `unfetched_count`. `texts`
    stand for what files are about to hold, by path: one of `paths`, or one that a directory among them stands for.
    Raises `DesiredStateError` with every problem of every file.
    """
    with _pause_garbage_collection():
        return _load_desired(paths, environ, resolve_secrets, torrent_files or TorrentFileCache(), texts)


def _load_desired(
    paths: Sequence[Path],
    environ: Mapping[str, str],
    resolve_secrets: bool,
    torrent_files: TorrentFileCache,
    texts: Mapping[Path, str],
) -> DesiredState:
    sources, problems = read_files(paths, texts)
    files = list(map(str, list_yaml_files(paths)))
    context = LoadContext(environ, resolve_secrets, not problems, files, problems, torrent_files=torrent_files)
    documents: list[YamlDocument] = []
    for source in sources:
        roots, problem = compose_nodes(source.name, source.text)
        if problem is not None:
            context.problems.append(problem)
            context.is_complete = False
        documents += (YamlDocument(source.name, source.base, root) for root in roots)
    desired = _build_from_documents(documents, context)
    if context.problems:
        raise DesiredStateError(context.problems, context.files)
    return desired


@contextmanager
def _pause_garbage_collection() -> Iterator[None]:
    """Nodes come by the hundred thousand and hold no cycles: looking for cycles among them would triple the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _build_from_documents(documents: list[YamlDocument], context: LoadContext) -> DesiredState:
    from reconciler.desired.check import check_document  # pydantic is slow to import: after the parse, or not at all

    checked: list[CheckedDocument] = []
    for document in documents:
        context.problems += document.problems
        context.is_complete = context.is_complete and isinstance(document.data, dict)
        checked.append(check_document(document, context.problems))
    find_clashes(documents, context)
    return build_desired(checked, context)
