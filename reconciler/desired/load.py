"""Loads paths as a `DesiredState`: the entry point of this package.

See docs/decisions/0003-validate-everything-before-contacting-anything.md.
See docs/decisions/0134-reading-begins-while-torrents-are-checked.md.
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

from reconciler.desired.context import BeginReading, DesiredStateError, LoadContext, LoadPermissions
from reconciler.desired.documents import read_documents
from reconciler.desired.torrent_files import TorrentFileCache
from reconciler.desired.yaml.document import YamlDocument
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
    begin_reading: BeginReading | None = None,
) -> DesiredState:
    """Read, check and merge the desired state of `paths`: files with what they include, and directories of YAML files.

    Secrets come from `environ` and from files. With `resolve_secrets` False, secrets and CA files that this machine
    lacks are warnings instead of problems. `torrent_files` fetches the .torrent files of URLs and caches local ones for
    the next load; without it no server is contacted, and `unfetched_count` says how many torrents are missing. `texts`
    replaces the text of files, by path, before they are written: each is one of `paths`, in a directory of `paths`, or
    included by its name.
    `permissions` limit the secrets that the files may use, extend the folders that they may export to, and say if
    instances are contacted.
    `begin_reading` is called with everything but the torrents, as soon as that is valid and each entry by itself too.
    Raises `DesiredStateError` with every problem of every file.
    """
    with _pause_garbage_collection():
        context = LoadContext(
            environ,
            resolve_secrets,
            torrent_files=torrent_files or TorrentFileCache(),
            export_folders=permissions.export_folders,
            contacts_instances=permissions.contacts_instances,
            keeps_references=not permissions.reads_secrets,
            reads_intake=permissions.reads_intake,
            parsed=torrent_files.parsed if torrent_files else None,
        )
        documents = read_documents(paths, texts, context)
        desired = _build_state(documents, context, permissions.secrets_file, begin_reading)
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


def _build_state(
    documents: list[YamlDocument],
    context: LoadContext,
    secrets_file: Path | None,
    begin_reading: BeginReading | None,
) -> DesiredState:
    # pydantic is slow to import: it is needed only now, after the parse, while the instances answer
    from reconciler.desired.builders.desired_state import build_desired_state

    if secrets_file:
        from reconciler.desired.secret_hosts import read_secret_lock

        context.secret_lock = read_secret_lock(secrets_file, context)
    desired = build_desired_state(documents, context, begin_reading)
    if not (context.problems or desired.warnings):
        return desired
    from reconciler.desired.excerpts import add_excerpts

    if context.problems:
        error = DesiredStateError(context.problems, context.files)
        error.problems = add_excerpts(error.problems, context.texts)
        raise error
    return replace(desired, warnings=add_excerpts(desired.warnings, context.texts))


def _compute_state_id(paths: Sequence[Path]) -> str:
    """Return a short hash of the absolute paths, which is the same on every machine that has them at the same place."""
    text = "\n".join(sorted({os.path.normpath(path.absolute()) for path in paths}))
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:8]
