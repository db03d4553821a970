"""The schema of one YAML document: its top-level keys, and the tables of all keys for the messages."""

import re
from typing import Annotated, Any, Final, Literal, Required, get_args

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, with_config
from typing_extensions import TypedDict  # before Python 3.12 pydantic cannot read the TypedDict of `typing`

from reconciler.desired.context import InvalidValue
from reconciler.desired.includes import check_include
from reconciler.desired.schema.categories import CategoryEntries, CategoryEntry
from reconciler.desired.schema.common import DEFERRED, STRICT_CONFIG, SecretReference, check_plain_name, parse_duration
from reconciler.desired.schema.content import CONTENT_CHOICES, CONTENT_NUMBER_TEXTS, ContentEntry
from reconciler.desired.schema.gateway import (
    GATEWAY_CHOICES,
    GATEWAY_KEYS,
    GATEWAY_NUMBER_TEXTS,
    GatewayEntry,
    IntakeEntry,
)
from reconciler.desired.schema.groups import (
    GROUP_CHOICES,
    GROUP_NUMBER_TEXTS,
    GroupEntry,
    GroupName,
    MemberEntry,
)
from reconciler.desired.schema.instances import (
    INSTANCE_CHOICES,
    INSTANCE_NUMBER_TEXTS,
    BasicAuthEntry,
    InstanceEntry,
    InstanceName,
    TimeoutEntry,
    TlsEntry,
)
from reconciler.desired.schema.options import OPTION_CHOICES, OPTION_NUMBER_TEXTS, OPTION_SUBKEYS
from reconciler.desired.schema.probes import PROBE_KEYS, PROBE_NUMBER_TEXTS
from reconciler.desired.schema.torrents import (
    TORRENT_CHOICES,
    ExactTagsEntry,
    ManagedKeys,
    TorrentEntry,
    list_entry_keys,
)
from reconciler.model.codes import Code
from reconciler.model.tags import RESERVED_OWNERS, TAG_PREFIX

Count = Annotated[int, Field(ge=0)]
_COUNT_TEXT: Final = "a whole number, 0 or more"
Percentage = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
_PERCENTAGE_TEXT: Final = "a number from 0 to 100"


@with_config(STRICT_CONFIG)
class GuardEntry(TypedDict, total=False):
    """The limits on deletions, moves and updates; percentages are of the torrents that we own on an instance."""

    max_delete: Count
    max_delete_percent: Percentage
    max_delete_files: Count | None
    max_move: Count
    max_update_percent: Percentage | None


def check_version(number: int) -> int:
    """The version of the format. There is one so far."""
    if number != 1:
        hint = 'Write "version: 1": it is the version of this format, not of your file'
        if number > 1:
            hint = f"{hint}. If the file was written for a newer reconcile, update this one"
        raise InvalidValue(Code.VERSION, f"this reconcile reads version 1 of the format, not {number}", hint)
    return number


def check_owner_name(text: str) -> str:
    """Our name on an instance. Some names are taken by other tags with the same prefix."""
    check_plain_name("an owner", text)
    if text in RESERVED_OWNERS:
        raise InvalidValue(
            Code.NAME, f'"{text}" cannot be an owner: the tag {TAG_PREFIX}{text} is reserved', "Choose another"
        )
    return text


_DAYS: Final = r"([0-9]{1,4})d"
_MAX_QUARANTINE_DAYS: Final = 3650


def parse_quarantine(value: object) -> object:
    """`7d` -> 7. In days, so that the end of a quarantine does not depend on the time of day."""
    match = re.fullmatch(_DAYS, value) if isinstance(value, str) else None
    days = int(match[1]) if match else 0
    if not 1 <= days <= _MAX_QUARANTINE_DAYS:
        raise InvalidValue(
            Code.QUARANTINE,
            f"a quarantine must be a whole number of days, from 1d to {_MAX_QUARANTINE_DAYS}d",
            "Write it like 7d",
        )
    return days


_PLAN_HASH: Final = r"sha256:[0-9a-f]{64}"


def check_plan_hash(text: str) -> str:
    """The hash of an approved plan."""
    if not re.fullmatch(_PLAN_HASH, text):
        raise InvalidValue(
            Code.PLAN_HASH,
            'a plan hash must be "sha256:" followed by 64 hex digits',
            "Copy it from the report of the refused plan",
        )
    return text


PolicyWord = Literal["create-only", "upsert", "sync"]


@with_config(STRICT_CONFIG)
class DocumentEntry(TypedDict, total=False):
    """A whole document."""

    version: Required[Annotated[int, AfterValidator(check_version)]]
    include: list[Annotated[str, AfterValidator(check_include)]]
    owner: Annotated[str, AfterValidator(check_owner_name)]
    policy: PolicyWord
    delete_files: bool
    quarantine: Annotated[Any, AfterValidator(parse_quarantine)]
    stuck_after: Annotated[float, BeforeValidator(parse_duration)]
    prune_categories: bool
    guard: Annotated[GuardEntry, DEFERRED]
    suspend: bool
    accept_plan: Annotated[str, AfterValidator(check_plan_hash)]
    instances: dict[InstanceName, InstanceEntry]
    groups: Annotated[dict[GroupName, GroupEntry], DEFERRED]
    categories: CategoryEntries
    defaults: Annotated[ManagedKeys, DEFERRED]
    torrents: list[TorrentEntry]
    intake: Annotated[IntakeEntry, DEFERRED]
    gateway: Annotated[GatewayEntry, DEFERRED]


DOCUMENT_ADAPTER: Final[TypeAdapter[DocumentEntry]] = TypeAdapter(DocumentEntry)

UNION_BRANCHES: Final = frozenset({"#list", "#only", "#text", "#from", "#name", "#member", "#path", "#made"})
"""The tags of union branches, which stand in pydantic's locations and not in the YAML."""

KNOWN_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "": tuple(DocumentEntry.__annotations__),
    "instances": tuple(InstanceEntry.__annotations__),
    "groups": tuple(GroupEntry.__annotations__),
    "members": tuple(MemberEntry.__annotations__),
    "basic_auth": tuple(BasicAuthEntry.__annotations__),
    "tls": tuple(TlsEntry.__annotations__),
    "timeout": tuple(TimeoutEntry.__annotations__),
    "guard": tuple(GuardEntry.__annotations__),
    "categories": tuple(CategoryEntry.__annotations__),
    "defaults": list_entry_keys(ManagedKeys),
    "torrents": list_entry_keys(TorrentEntry),
    "tags": tuple(ExactTagsEntry.__annotations__),
    "content": tuple(ContentEntry.__annotations__),
    **OPTION_SUBKEYS,
    "password": tuple(SecretReference.__annotations__),
    "api_key": tuple(SecretReference.__annotations__),
    **PROBE_KEYS,
    **GATEWAY_KEYS,
}
"""The keys of each section, for suggestions."""

CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "policy": get_args(PolicyWord),
    **TORRENT_CHOICES,
    **INSTANCE_CHOICES,
    **GROUP_CHOICES,
    **CONTENT_CHOICES,
    **OPTION_CHOICES,
    **GATEWAY_CHOICES,
}
"""The words that each key with a choice takes."""

NUMBER_TEXTS: Final[dict[str, str]] = {
    "version": "1",
    "max_delete": _COUNT_TEXT,
    "max_delete_percent": _PERCENTAGE_TEXT,
    "max_delete_files": _COUNT_TEXT,
    "max_move": _COUNT_TEXT,
    "max_update_percent": _PERCENTAGE_TEXT,
    "stuck_after": "a duration like 30m or 2h",
    **INSTANCE_NUMBER_TEXTS,
    **PROBE_NUMBER_TEXTS,
    **GROUP_NUMBER_TEXTS,
    **CONTENT_NUMBER_TEXTS,
    **OPTION_NUMBER_TEXTS,
    **GATEWAY_NUMBER_TEXTS,
}
"""The value of each key with a number, in words."""
