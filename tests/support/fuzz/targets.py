"""The targets of the fuzzer: functions that take any bytes, and inputs to begin with."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from reconciler.desired import DesiredStateError, load
from reconciler.model.magnet import MagnetError, parse_magnet
from reconciler.model.metainfo import MetainfoError, parse_metainfo
from tests.support.fuzz.gateway import check_gateway, make_gateway_seeds
from tests.support.fuzz.replies import check_replies, make_reply_seeds
from tests.support.magnets import make_infohash, make_magnet
from tests.support.memory_folders import MEMORY_FOLDER
from tests.support.torrents import TORRENT_KINDS, make_torrent

EXAMPLES: Final = Path(__file__).parents[3] / "examples"
BROKEN: Final = Path(__file__).parents[2] / "desired" / "broken"


@dataclass(frozen=True)
class Target:
    """A function to fuzz, with inputs to begin with and words that its inputs are made of."""

    check: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    words: Sequence[bytes] = ()


@cache
def _make_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-", dir=MEMORY_FOLDER))


def check_yaml(data: bytes) -> None:
    """Load a desired state."""
    file = _make_folder() / "desired.yaml"
    file.write_bytes(data)
    with suppress(DesiredStateError):
        load([file], {})


def check_magnet(data: bytes) -> None:
    """Parse a magnet link."""
    with suppress(MagnetError):
        assert parse_magnet(data.decode(errors="surrogateescape")).infohashes.ids


def check_torrent(data: bytes) -> None:
    """Parse a .torrent file."""
    with suppress(MetainfoError):
        assert parse_metainfo(data).infohashes.ids


def _read_yaml_seeds() -> Iterator[bytes]:
    for folder in (EXAMPLES, BROKEN):
        for path in sorted(folder.rglob("*.yaml")):
            yield path.read_bytes()


def _make_magnet_seeds() -> Iterator[bytes]:
    v2 = "1220" + make_infohash(5) + make_infohash(6)[:24]
    yield make_magnet(1).encode()
    yield f"magnet:?xt=urn:btmh:{v2}&dn=a%20b&tr=udp%3A%2F%2Fa%3A1&so=0-2&ws=http://a/&x.pe=1.2.3.4:5".encode()
    yield f"magnet:?xt=urn:btih:{'MFRGG' * 6}AA&xt.1=urn:btmh:{v2}".encode()


def _make_torrent_seeds() -> Iterator[bytes]:
    for kind in TORRENT_KINDS:
        yield make_torrent(1, kind, trackers=["http://a/announce"], comment="c")


_YAML_WORDS: Final = "version: 1\n|torrents:|magnet:|<<: |&a |*a|!!binary |\ufeff|? |>+\n".encode().split(b"|")
_MAGNET_WORDS: Final = b"xt=urn:btih:|&xt.1=|urn:btmh:1220|&dn=|&tr=|%00|&so=".split(b"|")
_TORRENT_WORDS: Final = b"4:info|6:pieces|9:file tree|5:filesl|i-0e|99999:|12:piece layers".split(b"|")

TARGETS: Final[Mapping[str, Target]] = {
    "yaml": Target(check_yaml, _read_yaml_seeds, _YAML_WORDS),
    "magnets": Target(check_magnet, _make_magnet_seeds, _MAGNET_WORDS),
    "torrents": Target(check_torrent, _make_torrent_seeds, _TORRENT_WORDS),
    "replies": Target(check_replies, make_reply_seeds),
    "gateway": Target(check_gateway, make_gateway_seeds),
}
