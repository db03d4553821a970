"""The way from paths to a `Desired`: the one entry point of this room."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from reconciler.desired.build.groups import build_groups
from reconciler.desired.build.instances import build_categories, build_instances
from reconciler.desired.build.torrents import build_torrents
from reconciler.desired.check import Checked
from reconciler.desired.context import Context, DesiredStateError
from reconciler.desired.files import read_files, yaml_files
from reconciler.desired.merge import ONCE, find_clashes, instance_names
from reconciler.desired.torrent_files import TorrentFiles
from reconciler.desired.yaml.document import Document
from reconciler.desired.yaml.parser import compose
from reconciler.model.desired import Desired, DesiredCategory, GuardLimits, Policy


def build(checked: list[Checked], context: Context) -> Desired:
    """The merged desired state; worth something only if `context` has no problems afterwards."""
    once: dict[str, Any] = {}
    categories: dict[str, DesiredCategory] = {}
    for part in checked:
        once |= {key: value for key, value in part.entry.items() if key in ONCE}
        categories |= build_categories(part.document, ("categories",), part.entry.get("categories", {}))
    names = instance_names([part.document for part in checked])
    instances = build_instances(checked, context)
    groups = build_groups(checked, names, context)
    torrents, unfetched = build_torrents(checked, names, groups, context)  # last: only what is valid so far is fetched
    return Desired(
        policy=Policy(once.get("policy", Policy.CREATE_ONLY)),
        instances=instances,
        torrents=torrents,
        categories=categories,
        owner=once.get("owner", "default"),
        delete_files=once.get("delete_files", False),
        quarantine=once.get("quarantine"),
        prune_categories=once.get("prune_categories", False),
        guard=GuardLimits(**once.get("guard", {})),
        suspend=once.get("suspend", False),
        accept_plan=once.get("accept_plan"),
        groups=groups,
        warnings=tuple(sorted(set(context.warnings))),
        files=tuple(dict.fromkeys(context.files)),
        unfetched=unfetched,
    )


def load(
    paths: Sequence[Path],
    environ: Mapping[str, str],
    *,
    resolve_secrets: bool = True,
    torrents: TorrentFiles | None = None,
    texts: Mapping[Path, str] = MappingProxyType({}),
) -> Desired:
    """Read, check and merge the desired state of `paths`: files, and directories of `*.yaml` and `*.yml`.

    Secrets come from `environ` and from files. With `resolve_secrets` False, those that are missing on this
    machine become warnings, and such an instance has none. `torrents` gets the .torrent files of URLs, and keeps
    what it has read for the next load; without it they are not contacted, and are counted as `unfetched`. `texts`
    stand for what files are about to hold, by path: one of `paths`, or one that a directory among them stands for.
    Raises `DesiredStateError` with every problem of every file.
    """
    with _no_garbage_collection():
        return _load(paths, environ, resolve_secrets, torrents or TorrentFiles(), texts)


def _load(
    paths: Sequence[Path],
    environ: Mapping[str, str],
    resolve_secrets: bool,
    torrents: TorrentFiles,
    texts: Mapping[Path, str],
) -> Desired:
    sources, problems = read_files(paths, texts)
    files = list(map(str, yaml_files(paths)))
    context = Context(environ, resolve_secrets, not problems, files, problems, torrents=torrents)
    documents: list[Document] = []
    for source in sources:
        roots, problem = compose(source.name, source.text)
        if problem is not None:
            context.problems.append(problem)
            context.complete = False
        documents += (Document(source.name, source.base, root) for root in roots)
    desired = _from_documents(documents, context)
    if context.problems:
        raise DesiredStateError(context.problems, context.files)
    return desired


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Nodes come by the hundred thousand and hold no cycles: looking for cycles among them would triple the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _from_documents(documents: list[Document], context: Context) -> Desired:
    from reconciler.desired.check import check  # pydantic is slow to import: after the parse, or not at all

    checked: list[Checked] = []
    for document in documents:
        context.problems += document.problems
        context.complete = context.complete and isinstance(document.data, dict)
        checked.append(check(document, context.problems))
    find_clashes(documents, context)
    return build(checked, context)
