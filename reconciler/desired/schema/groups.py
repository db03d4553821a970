"""The shape of groups."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Required

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, with_config
from typing_extensions import TypedDict  # pydantic cannot read the one of `typing` before Python 3.12

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.common import STRICT_CONFIG, check_plain_name, parse_duration

_SIZE_UNITS: Final = {
    unit: base**power
    for base, units in ((1000, ("B", "kB", "MB", "GB", "TB")), (1024, ("B", "KiB", "MiB", "GiB", "TiB")))
    for power, unit in enumerate(units)
}
_SIZE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([A-Za-z]+)\Z")


def check_group_name(text: str) -> str:
    """The name of a group."""
    return check_plain_name("the name of a group", text)


def parse_failover_delay(value: object) -> object:
    """A duration; `0s` means at once."""
    return 0.0 if value == "0s" else parse_duration(value)


def parse_size(value: object) -> object:
    """`50 GiB` -> bytes. Anything but text and numbers is left to the schema."""
    units = ", ".join(_SIZE_UNITS)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise InvalidValue(f"a size needs a unit: {units}", "Write it like 50 GiB")
    if not isinstance(value, str):
        return value
    found = _SIZE.match(value)
    if not found or found[2] not in _SIZE_UNITS:
        raise InvalidValue(f"a size is a number and its unit: {units}", "Write it like 50 GiB")
    return int(float(found[1]) * _SIZE_UNITS[found[2]])


GroupName = Annotated[str, AfterValidator(check_group_name)]


def _select_member_branch(value: Any) -> str:
    return "#member" if isinstance(value, dict) else "#name"


@with_config(STRICT_CONFIG)
class MemberEntry(TypedDict, total=False):
    """A member of a group with more to say than its name."""

    name: Required[str]
    weight: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
    max_torrents: Annotated[int, Field(ge=0)] | None
    min_free_space: Annotated[int, BeforeValidator(parse_size)] | None


MemberOrName = Annotated[
    Annotated[str, Tag("#name")] | Annotated[MemberEntry, Tag("#member")],
    Discriminator(_select_member_branch),
]


@with_config(STRICT_CONFIG)
class GroupEntry(TypedDict, total=False):
    """Several instances as one place for torrents."""

    strategy: Required[Literal["failover", "replicate", "spread"]]
    members: Required[list[MemberOrName]]
    failover_after: Annotated[float, BeforeValidator(parse_failover_delay)]
    failback: Literal["never", "when_complete", "immediate"]
    rebalance: Literal["never", "when_complete"]
