"""The shape of `content`: what a torrent is made from."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Required

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag, with_config
from typing_extensions import TypedDict  # pydantic cannot read the one of `typing` before Python 3.12

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.common import STRICT_CONFIG, check_one_line, check_save_path
from reconciler.model.paths import normalize_path

_PIECE_SIZE = re.compile(r"([1-9][0-9]{0,5}) *(KiB|MiB)\Z")
_PIECE_UNITS: Final = {"KiB": 1 << 10, "MiB": 1 << 20}
_MIN_PIECE_SIZE: Final = 16 << 10
_MAX_PIECE_SIZE: Final = 128 << 20


def normalize_content_path(text: str) -> str:
    """An absolute path of a file or folder, in the form in which it is compared."""
    path = normalize_path(check_save_path(text))
    if not path.rpartition("/")[2] or path.endswith(":"):
        raise InvalidValue(
            "a torrent is made from a file or a folder, not from a whole disk", "Write it like /data/film"
        )
    return path


def check_content_source(text: str) -> str:
    """The field `source` of a torrent, by which some trackers know their own."""
    return check_one_line("the source", text)


def parse_piece_size(value: object) -> object:
    """`4 MiB` -> bytes. Anything but text and numbers is left to the schema."""
    mend = "Write a power of two from 16 KiB to 128 MiB, such as 4 MiB; leave it out, and qBittorrent chooses"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise InvalidValue("a piece size needs a unit: KiB or MiB", mend)
    if not isinstance(value, str):
        return value
    found = _PIECE_SIZE.match(value)
    size = int(found[1]) * _PIECE_UNITS[found[2]] if found else 0
    if not _MIN_PIECE_SIZE <= size <= _MAX_PIECE_SIZE or size & (size - 1):
        raise InvalidValue("this is no piece size", mend)
    return size


def check_export_path(text: str) -> str:
    """The path of a .torrent file, relative to the YAML file."""
    check_one_line("the path", text)
    if not text.endswith(".torrent") or text.endswith("/.torrent"):
        raise InvalidValue("an export is written to a .torrent file", "Write it like made/film.torrent")
    return text


TorrentFormat = Literal["v1", "v2", "hybrid"]
TORRENT_FORMATS: Final[tuple[str, ...]] = TorrentFormat.__args__  # type: ignore[attr-defined]


def _select_content_branch(value: Any) -> str:
    return "#made" if isinstance(value, dict) else "#path"


ContentPath = Annotated[str, AfterValidator(normalize_content_path)]


@with_config(STRICT_CONFIG)
class ContentEntry(TypedDict, total=False):
    """`content: {path: …}`: what a torrent is made from, and how."""

    path: Required[ContentPath]
    format: TorrentFormat
    piece_size: Annotated[int, BeforeValidator(parse_piece_size)]
    private: bool
    source: Annotated[str, AfterValidator(check_content_source)]


ContentValue = Annotated[
    Annotated[ContentPath, Tag("#path")] | Annotated[ContentEntry, Tag("#made")],
    Discriminator(_select_content_branch),
]
