"""Small desired states for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from reconciler.desired import DesiredStateError, load
from reconciler.desired.check import CheckedDocument, check_document
from reconciler.desired.yaml.document import YamlDocument
from reconciler.desired.yaml.entries import compose_nodes
from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.magnet import Magnet
from reconciler.model.position import Problem

SINTEL = "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10"
BUNNY = "magnet:?xt=urn:btih:dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c"
STEEL = "magnet:?xt=urn:btih:209c8226b299b308beaf2b9cd3fb49212dbd13ec"

HEAD = 'version: 1\npolicy: sync\ninstances: {home: {url: "http://127.0.0.1:8080"}}\n'
TWO_INSTANCES_HEAD = """version: 1
policy: sync
instances:
  home: {url: "http://127.0.0.1:8080"}
  seedbox: {url: "http://127.0.0.1:8081"}
"""


def write_file(folder: Path, text: str, name: str = "desired.yaml") -> Path:
    """A file with that text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load_text(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> DesiredState:
    """Write a file and load it."""
    return load([write_file(folder, text)], environ or {})


def load_problems(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """The problems of one file, as `line:column: message`."""
    path = write_file(folder, text)
    with pytest.raises(DesiredStateError) as error:
        load([path], environ or {})
    return [str(problem).removeprefix(f"{path}:") for problem in error.value.problems]


def magnet_uri(torrent: DesiredTorrent) -> str:
    """The magnet link of an entry."""
    assert isinstance(torrent.source, Magnet)
    return torrent.source.uri


def parse_document(text: str, folder: Path | None = None) -> YamlDocument:
    """The only document of a text that is YAML. Paths in it are relative to `folder`."""
    (root,), problem = compose_nodes("desired.yaml", text)
    assert problem is None
    return YamlDocument("desired.yaml", folder or Path(), root, text)


def check_text(text: str, folder: Path | None = None) -> CheckedDocument:
    """The only document of a text that the schema accepts."""
    problems: list[Problem] = []
    checked = check_document(parse_document(text, folder), problems)
    assert problems == []
    return checked


def list_texts(problems: Iterable[Problem]) -> list[str]:
    """Problems or warnings of `desired.yaml`, as `line:column: message. hint`."""
    return [str(problem).removeprefix("desired.yaml:") for problem in problems]
