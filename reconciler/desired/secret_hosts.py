"""The hosts that a secret may be sent to: as its reference says (`for`), and as the file of `--secrets-for` allows.

A pull request can change a reference together with the URL beside it. The file of `--secrets-for` comes from outside of
the pull request, and locks the names of all variables and files together with their hosts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from reconciler.desired.context import InvalidValue, LoadContext, LoadedText
from reconciler.desired.schema.common import (
    STAND_IN_DOMAIN,
    SecretReference,
    get_reference_key,
    normalize_host,
    parse_secret_hosts,
)
from reconciler.desired.yaml.document import Loc, YamlDocument
from reconciler.desired.yaml.entries import compose_nodes
from reconciler.model.codes import Code
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.links import HTTP_PORTS
from reconciler.model.position import Position, Problem
from reconciler.regular_file import MAX_SMALL_FILE_BYTES, read_regular_file

_LOCK_HINT: Final = 'Write it like "env: {SEEDBOX_PASSWORD: seedbox.example}"'


@dataclass(frozen=True, slots=True)
class SecretLock:
    """The hosts of each variable ("env") and file ("file", by its real path) in the file `name` of `--secrets-for`."""

    name: str
    hosts_by_source: Mapping[tuple[str, str], Sequence[str]]

    def find_hosts(self, kind: str, source: str, base: Path) -> Sequence[str] | None:
        """Return the hosts of a variable or file; None if it is not listed. `base`: the folder of a relative path."""
        return self.hosts_by_source.get((kind, _normalize_source(kind, source, base)))


def check_receiver(
    document: YamlDocument, loc: Loc, source: SecretReference, url: str | None, context: LoadContext
) -> bool:
    """Return True if the secret of `source` may be sent to `url`, and report it if not. `url` None: not known yet."""
    kind = get_reference_key(source)
    position, lock = document.find_position(*loc, kind), context.secret_lock
    if not _has_host(source.get("for"), url):
        hint = "Correct the url, or the hosts of the secret"
        context.add_problem(position, Code.SECRET_HOST, _describe_wrong_host(loc, source["for"], url or ""), hint)
        return False
    if lock is None:
        return True
    hosts = lock.find_hosts(kind, source[kind], document.base)
    if hosts is None:
        message = f"{lock.name} does not list this {'variable' if kind == 'env' else 'file'}, so it is not used"
        context.add_problem(position, Code.SECRET_HOST, message, "The person who runs the command can add it there")
    elif not _has_host(hosts, url):
        hint = f"The person who runs the command can change that in {lock.name}"
        context.add_problem(position, Code.SECRET_HOST, _describe_wrong_host(loc, hosts, url or ""), hint)
        return False
    return hosts is not None


def read_secret_lock(path: Path, context: LoadContext) -> SecretLock:
    """Read the file of `--secrets-for`. If something is wrong with it, that is a problem, and nothing is allowed."""
    name, start = str(path), Position(str(path), 1, 1)
    context.add_file(name)
    try:
        text = read_regular_file(path, MAX_SMALL_FILE_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        context.problems.append(
            Problem(start, Code.SECRETS_FOR_FILE, f"this file of --secrets-for cannot be read: {reason}", of_file=True)
        )
        return SecretLock(name, {})
    is_empty = not any(line.strip() and line.strip()[0] != "#" for line in text.splitlines())
    roots, problem = ([], None) if is_empty else compose_nodes(name, text)
    context.texts[name] = LoadedText(text, roots)
    if problem or len(roots) != 1:
        context.problems.append(
            problem or Problem(start, Code.SECRETS_FOR_FILE, "this file must contain one document", _LOCK_HINT)
        )
        return SecretLock(name, {})
    document = YamlDocument(name, path.parent, roots[0], text)
    context.problems += document.problems
    return SecretLock(name, dict(_iter_locked_sources(document, context)))


def _iter_locked_sources(
    document: YamlDocument, context: LoadContext
) -> Iterator[tuple[tuple[str, str], Sequence[str]]]:
    """Yield each variable and file of a lock with its hosts."""
    sections = document.data if isinstance(document.data, dict) else {"": None}
    for kind, sources in sections.items():
        if kind not in ("env", "file") or not isinstance(sources, dict):
            message = 'this file must contain "env" and "file", each with names and their hosts'
            context.add_problem(document.find_key_position(kind), Code.SECRETS_FOR_FILE, message, _LOCK_HINT)
            continue
        for source, value in sources.items():
            try:
                yield (kind, _normalize_source(kind, source, document.base)), parse_secret_hosts(value)
            except InvalidValue as invalid:
                context.add_problem(
                    document.find_position(kind, source), Code.SECRET_HOST, invalid.message, invalid.hint
                )


def _normalize_source(kind: str, source: str, base: Path) -> str:
    return os.path.realpath(base / source) if kind == "file" and "\0" not in source else source


def _has_host(hosts: Sequence[str] | None, url: str | None) -> bool:
    """Return True if the host of the URL is one of `hosts`, each with or without a port, or cannot be known."""
    parts = urlsplit(url or "")
    host = normalize_host(parts.hostname or "")
    if hosts is None or not host or host.endswith(STAND_IN_DOMAIN):
        return True
    return not {host, f"{host}:{parts.port or HTTP_PORTS[parts.scheme]}"}.isdisjoint(hosts)


def _describe_wrong_host(loc: Loc, hosts: Sequence[str], url: str) -> str:
    receiver = f"{'its host is' if loc[-1] == 'url' else 'it would be sent to'} {urlsplit(url).netloc}"
    return f"the {str(loc[-1]).replace('_', ' ')} is for {' and '.join(hosts)}, and {receiver}"
