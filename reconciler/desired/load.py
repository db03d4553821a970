"""Loads paths as a `DesiredState`: the entry point of this package.

See docs/decisions/0003-validate-everything-before-contacting-anything.md.
"""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.desired.context import DesiredStateError, LoadContext, LoadPermissions
from reconciler.desired.files import SourceFile, list_yaml_files, read_files
from reconciler.desired.torrent_files import TorrentFileCache
from reconciler.desired.yaml.document import TooManyAliases, YamlDocument
from reconciler.desired.yaml.parser import compose_nodes
from reconciler.model.desired import DesiredState

_DEFAULT_PERMISSIONS: Final = LoadPermissions()


def load(
    paths: Sequence[Path],
    environ: Mapping[str, str],
    *,
    resolve_secrets: bool = True,
    torrent_files: TorrentFileCache | None = None,
    texts: Mapping[Path, str] = MappingProxyType({}),
    permissions: LoadPermissions = _DEFAULT_PERMISSIONS,
) -> DesiredState:
    """Read, check and merge the desired state of `paths`: files, and directories of `*.yaml` and `*.yml`.

    Secrets come from `environ` and from files. With `resolve_secrets` False, secrets and CA files that this machine
    lacks are warnings instead of problems. `torrent_files` fetches the .torrent files of URLs and caches local ones for
    the next load; without it no server is contacted, and `unfetched_count` says how many torrents are missing. `texts`
    replaces the text of files, by path, before they are written: each is one of `paths`, or in a directory of `paths`.
    `permissions` limit the secrets that the files may use, and extend the folders that they may export to.
    Raises `DesiredStateError` with every problem of every file.
    """
    with _pause_garbage_collection():
        sources, problems = read_files(paths, texts)
        files = list(map(str, list_yaml_files(paths)))
        context = LoadContext(
            environ,
            resolve_secrets,
            not problems,
            files,
            problems,
            torrent_files=torrent_files or TorrentFileCache(),
            export_folders=permissions.export_folders,
        )
        desired = _load_sources(sources, context, permissions.secrets_file)
        return replace(desired, state_id=_compute_state_id(paths))


@contextmanager
def _pause_garbage_collection() -> Iterator[None]:
    """Pause the search for cycles, which would triple the time: YAML nodes are many and contain none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _load_sources(sources: Sequence[SourceFile], context: LoadContext, secrets_file: Path | None) -> DesiredState:
    documents: list[YamlDocument] = []
    for source in sources:
        roots, problem = compose_nodes(source.name, source.text)
        if problem is not None:
            context.problems.append(problem)
            context.is_complete = False
        try:
            documents += [YamlDocument(source.name, source.base, root, source.text) for root in roots]
        except TooManyAliases as error:
            context.problems.append(error.problem)
            context.is_complete = False
    # pydantic is slow to import: it is needed only now, after the parse, while the instances answer
    from reconciler.desired.builders.desired_state import build_desired_state

    if secrets_file:
        from reconciler.desired.secret_hosts import read_secret_lock

        context.secret_lock = read_secret_lock(secrets_file, context)
    desired = build_desired_state(documents, context)
    if context.problems:
        raise DesiredStateError(context.problems, context.files)
    return desired


def _compute_state_id(paths: Sequence[Path]) -> str:
    """Return a short hash of the absolute paths, which is the same on every machine that has them at the same place."""
    text = "\n".join(sorted({os.path.normpath(path.absolute()) for path in paths}))
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:8]
