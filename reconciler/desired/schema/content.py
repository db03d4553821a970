"""The shape of `content`: what a torrent is made from."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Required

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag, with_config
from typing_extensions import TypedDict  # pydantic cannot read the one of `typing` before Python 3.12

from reconciler.desired.context import Invalid
from reconciler.desired.schema.common import STRICT, one_line, save_path
from reconciler.model.paths import normal_path

_PIECE = re.compile(r"([1-9][0-9]{0,5}) *(KiB|MiB)\Z")
_PIECE_UNITS: Final = {"KiB": 1 << 10, "MiB": 1 << 20}
_SMALLEST_PIECE: Final = 16 << 10
_LARGEST_PIECE: Final = 128 << 20


def content_path(text: str) -> str:
    """An absolute path of a file or folder, in the form in which it is compared."""
    path = normal_path(save_path(text))
    if not path.rpartition("/")[2] or path.endswith(":"):
        raise Invalid("a torrent is made from a file or a folder, not from a whole disk", "Write it like /data/film")
    return path


def content_source(text: str) -> str:
    """The field `source` of a torrent, by which some trackers know their own."""
    return one_line("the source", text)


def piece_size(value: object) -> object:
    """`4 MiB` -> bytes. Anything but text and numbers is left to the schema."""
    mend = "Write a power of two from 16 KiB to 128 MiB, such as 4 MiB; leave it out, and qBittorrent chooses"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Invalid("a piece size needs a unit: KiB or MiB", mend)
    if not isinstance(value, str):
        return value
    found = _PIECE.match(value)
    size = int(found[1]) * _PIECE_UNITS[found[2]] if found else 0
    if not _SMALLEST_PIECE <= size <= _LARGEST_PIECE or size & (size - 1):
        raise Invalid("this is no piece size", mend)
    return size


def export_place(text: str) -> str:
    """The path of a .torrent file, relative to the YAML file."""
    one_line("the path", text)
    if not text.endswith(".torrent") or text.endswith("/.torrent"):
        raise Invalid("an export is written to a .torrent file", "Write it like made/film.torrent")
    return text


Format = Literal["v1", "v2", "hybrid"]
FORMATS: Final[tuple[str, ...]] = Format.__args__  # type: ignore[attr-defined]


def _content_branch(value: Any) -> str:
    return "#made" if isinstance(value, dict) else "#path"


ContentPath = Annotated[str, AfterValidator(content_path)]


@with_config(STRICT)
class ContentEntry(TypedDict, total=False):
    """`content: {path: …}`: what a torrent is made from, and how."""

    path: Required[ContentPath]
    format: Format
    piece_size: Annotated[int, BeforeValidator(piece_size)]
    private: bool
    source: Annotated[str, AfterValidator(content_source)]


ContentSource = Annotated[
    Annotated[ContentPath, Tag("#path")] | Annotated[ContentEntry, Tag("#made")],
    Discriminator(_content_branch),
]
