"""The schema of `content`, from which a torrent is created, and of `export`."""

import re
from typing import Annotated, Any, Final, Literal, Required, get_args

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag, with_config
from typing_extensions import TypedDict  # before Python 3.12 pydantic cannot read the TypedDict of `typing`

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.common import DEFERRED, STRICT_CONFIG, check_one_line, check_save_path
from reconciler.model.codes import Code
from reconciler.model.paths import normalize_path
from reconciler.model.units import SIZE_UNITS


def normalize_content_path(text: str) -> str:
    """An absolute path of a file or folder, in the form in which it is compared."""
    path = normalize_path(check_save_path(text))
    if not path.rpartition("/")[2] or path.endswith(":"):
        raise InvalidValue(
            Code.PATH,
            "a torrent can be created from a file or a folder, not from a whole disk",
            "Write it like /data/film",
        )
    return path


ContentPath = Annotated[str, AfterValidator(normalize_content_path)]

_PIECE_SIZE: Final = r"([1-9][0-9]{0,5}) *(KiB|MiB)"
_MIN_PIECE_SIZE: Final = 16 * SIZE_UNITS["KiB"]
_MAX_PIECE_SIZE: Final = 128 * SIZE_UNITS["MiB"]  # of a torrent that qBittorrent creates; it reads larger ones


def parse_piece_size(value: object) -> object:
    """`4 MiB` -> bytes. Anything but text and numbers is left to the schema."""
    hint = "Write a power of two from 16 KiB to 128 MiB, such as 4 MiB, or leave it out to let qBittorrent choose"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise InvalidValue(Code.SIZE, "a piece size needs a unit: KiB or MiB", hint)
    if not isinstance(value, str):
        return value
    match = re.fullmatch(_PIECE_SIZE, value)
    size = int(match[1]) * SIZE_UNITS[match[2]] if match else 0
    if not _MIN_PIECE_SIZE <= size <= _MAX_PIECE_SIZE or size & (size - 1):
        raise InvalidValue(Code.SIZE, "this is not a valid piece size", hint)
    return size


def check_content_source(text: str) -> str:
    """The field `source` of a torrent, by which some trackers recognize their own."""
    return check_one_line("the source", text)


TorrentFormat = Literal["v1", "v2", "hybrid"]


@with_config(STRICT_CONFIG)
class ContentEntry(TypedDict, total=False):
    """`content: {path: …}`: the data from which a torrent is created, and how."""

    path: Required[ContentPath]
    format: TorrentFormat
    piece_size: Annotated[int, BeforeValidator(parse_piece_size)]
    private: bool
    source: Annotated[str, AfterValidator(check_content_source)]


def _select_content_branch(value: Any) -> str:
    return "#made" if isinstance(value, dict) else "#path"


ContentValue = Annotated[
    Annotated[ContentPath, Tag("#path")] | Annotated[ContentEntry, DEFERRED, Tag("#made")],
    Discriminator(_select_content_branch),
]


def check_export_path(text: str) -> str:
    """The path of a .torrent file, relative to the YAML file."""
    check_one_line("the path", text)
    if not text.endswith(".torrent") or text.endswith("/.torrent"):
        raise InvalidValue(Code.EXPORT, "an export must be a .torrent file", "Write it like made/film.torrent")
    return text


ExportPath = Annotated[str, AfterValidator(check_export_path)]

CONTENT_CHOICES: Final[dict[str, tuple[str, ...]]] = {"format": get_args(TorrentFormat)}
CONTENT_NUMBER_TEXTS: Final = {"piece_size": "a size like 4 MiB"}
