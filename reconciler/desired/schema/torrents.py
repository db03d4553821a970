"""The schema of `torrents` and of `defaults`, which holds values for all torrents of its document."""

import re
from functools import lru_cache
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag, with_config
from typing_extensions import TypedDict  # before Python 3.12 pydantic cannot read the TypedDict of `typing`

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.categories import check_category_name
from reconciler.desired.schema.common import (
    DEFERRED,
    STRICT_CONFIG,
    SavePath,
    check_one_line,
    has_control_character,
    has_host,
    select_list_branch,
    split_url,
)
from reconciler.desired.schema.content import ContentValue, ExportPath
from reconciler.desired.schema.options import AllOptionKeys, OptionKeys
from reconciler.model.codes import Code
from reconciler.model.infohash import InfoHashes, parse_infohash_text
from reconciler.model.magnet import Magnet, MagnetError, parse_magnet
from reconciler.model.tags import TAG_PREFIX, is_reserved_tag

# --- tags and category


@lru_cache(maxsize=4096)
def check_tag_name(text: str) -> str:
    """A tag of the user's. `reconcile:*` tags are reserved."""
    check_one_line("the tag", text)
    if "," in text:
        raise InvalidValue(Code.TAG, "a tag cannot contain a comma", "Write each tag as a separate item")
    if is_reserved_tag(text):
        hint = 'Write "protect: true" instead' if text.startswith(TAG_PREFIX + "protect") else "Remove it"
        raise InvalidValue(Code.TAG, f'tags that begin with "{TAG_PREFIX}" are reserved', hint)
    return text


TagName = Annotated[str, AfterValidator(check_tag_name)]


@with_config(STRICT_CONFIG)
class ExactTagsEntry(TypedDict):
    """`tags: {only: […]}`."""

    only: list[TagName]


TagsValue = Annotated[
    Annotated[list[TagName], Tag("#list")] | Annotated[ExactTagsEntry, DEFERRED, Tag("#only")],
    Discriminator(select_list_branch),
]


def check_optional_category(text: str) -> str:
    """A category, or "" for none."""
    return text and check_category_name(text)


@with_config(STRICT_CONFIG)
class ManagedKeys(OptionKeys, total=False):
    """The keys of a torrent that `defaults` may contain too. `null`: not managed, whatever the defaults say."""

    instance: str | None
    category: Annotated[str, AfterValidator(check_optional_category)] | None
    tags: TagsValue | None
    save_path: SavePath | None
    paused: bool | None
    protect: bool | None


# --- sources, of which each torrent has one

SOURCE_KEYS: Final = ("magnet", "torrent", "infohash", "content", "content_of")
_URL_SCHEME: Final = r"[A-Za-z][A-Za-z0-9+.-]*"
_TORRENT_HINT: Final = "Give the path of a file, or a url like https://example.org/file.torrent"


def parse_magnet_link(text: str) -> Magnet:
    """A magnet link."""
    try:
        return parse_magnet(text)
    except MagnetError as error:
        raise InvalidValue(Code.MAGNET, f"this magnet link cannot be used: {error}") from None


def check_torrent_location(text: str) -> str:
    """The path or the URL of a .torrent file. No message quotes it: a URL may contain a passkey."""
    if not text:
        raise InvalidValue(
            Code.TORRENT_LOCATION,
            "the torrent is empty",
            "Give the path of a .torrent file, relative to this file, or its URL",
        )
    if has_control_character(text):
        raise InvalidValue(
            Code.TORRENT_LOCATION, "the torrent contains a line break or control character", "Write it on one line"
        )
    scheme, colons, _ = text.partition("://")
    if text.lower().startswith("magnet:"):
        raise InvalidValue(
            Code.TORRENT_LOCATION, "this is a magnet link, not a .torrent file", 'Write "magnet:" instead of "torrent:"'
        )
    if not colons or not re.fullmatch(_URL_SCHEME, scheme):
        return text
    if scheme.lower() not in ("http", "https"):
        raise InvalidValue(
            Code.TORRENT_LOCATION, "a .torrent file can be fetched over http and https only", _TORRENT_HINT
        )
    parts = split_url(text, _TORRENT_HINT)
    if "@" in parts.netloc:
        raise InvalidValue(
            Code.TORRENT_LOCATION, 'a url with a user name or password before an "@" is not supported', _TORRENT_HINT
        )
    if not has_host(parts) or "\\" in text or " " in text:
        raise InvalidValue(
            Code.TORRENT_LOCATION,
            "this url is not usable: its host or port is malformed, or it contains a space",
            _TORRENT_HINT,
        )
    return text


def parse_infohash(text: str) -> InfoHashes:
    """The infohash of a torrent: v1 (or the id that qBittorrent has for a v2 torrent), or v2."""
    infohashes = parse_infohash_text(text)
    if infohashes is None:
        is_magnet = text.lower().startswith("magnet:")
        hint = 'Write "magnet:" instead of "infohash:"' if is_magnet else "Copy it again"
        raise InvalidValue(
            Code.INFOHASH, "an infohash must be 40 hex digits (v1), 64 hex digits (v2) or 32 of base32", hint
        )
    if not str(infohashes).strip("0"):
        raise InvalidValue(Code.INFOHASH, "this infohash is all zeros, which identifies no torrent", "Copy it again")
    return infohashes


@lru_cache(maxsize=4096)
def check_torrent_name(text: str) -> str:
    """The display name of a torrent."""
    return check_one_line("the name", text)


_LABEL_NAME: Final = r"[A-Za-z0-9._-]{1,64}"
MAX_LABEL_LENGTH: Final = 1000
MAX_LABELS: Final = 32


def check_label_name(text: str) -> str:
    """The name of a label."""
    if not re.fullmatch(_LABEL_NAME, text):
        message = "the name of a label may contain only letters, digits and . _ -, at most 64 of them"
        raise InvalidValue(Code.LABEL, message, "Choose another name")
    return text


def check_label(value: object) -> str | int | float:
    """The text of a label, or a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidValue(Code.LABEL, "a label must be text or a number", "Write it in quotes")
    if isinstance(value, str) and (len(value) > MAX_LABEL_LENGTH or has_control_character(value)):
        message = f"a label must be one line of at most {MAX_LABEL_LENGTH} characters"
        raise InvalidValue(Code.LABEL, message, "Shorten it")
    return value


Labels = dict[
    Annotated[str, AfterValidator(check_label_name)],
    Annotated[str | int | float, BeforeValidator(check_label)],
]

StateWord = Literal["present", "absent"]


@with_config(STRICT_CONFIG)
class TorrentEntry(ManagedKeys, AllOptionKeys, total=False):
    """One item of `torrents`. `builders.sources` checks that it has exactly one source."""

    magnet: Annotated[str, AfterValidator(parse_magnet_link)]
    torrent: Annotated[str, AfterValidator(check_torrent_location)]
    infohash: Annotated[str, AfterValidator(parse_infohash)]
    content: ContentValue
    content_of: Annotated[str, AfterValidator(check_torrent_name)]
    export: ExportPath
    name: Annotated[str, AfterValidator(check_torrent_name)] | None
    state: StateWord
    labels: Annotated[Labels, DEFERRED]


TORRENT_CHOICES: Final[dict[str, tuple[str, ...]]] = {"state": get_args(StateWord)}


def list_entry_keys(entry: type) -> tuple[str, ...]:
    """The keys of `ManagedKeys` or `TorrentEntry`: sources first, options last."""
    keys = sorted(entry.__annotations__, key=lambda key: key in AllOptionKeys.__annotations__)
    return (*(key for key in SOURCE_KEYS if key in keys), *(key for key in keys if key not in SOURCE_KEYS))
