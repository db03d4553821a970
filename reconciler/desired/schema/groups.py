"""The schema of `groups`."""

import re
from typing import Annotated, Any, Final, Literal, Required, get_args

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, with_config
from typing_extensions import TypedDict  # before Python 3.12 pydantic cannot read the TypedDict of `typing`

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.common import STRICT_CONFIG, check_plain_name, parse_duration
from reconciler.model.codes import Code
from reconciler.model.units import SIZE_UNITS


def check_group_name(text: str) -> str:
    """The name of a group."""
    return check_plain_name("the name of a group", text)


GroupName = Annotated[str, AfterValidator(check_group_name)]

_SIZE: Final = r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([A-Za-z]+)"


def parse_size(value: object) -> object:
    """`50 GiB` -> bytes. Anything but text and numbers is left to the schema."""
    units, hint = ", ".join(SIZE_UNITS), "Write it like 50 GiB"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise InvalidValue(Code.SIZE, f"a size needs a unit: {units}", hint)
    if not isinstance(value, str):
        return value
    match = re.fullmatch(_SIZE, value)
    if not match or match[2] not in SIZE_UNITS:
        raise InvalidValue(Code.SIZE, f"a size must be a number with a unit: {units}", hint)
    return int(float(match[1]) * SIZE_UNITS[match[2]])


@with_config(STRICT_CONFIG)
class MemberEntry(TypedDict, total=False):
    """A member of a group that declares more than its name."""

    name: Required[str]
    weight: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
    max_torrents: Annotated[int, Field(ge=0)] | None
    min_free_space: Annotated[int, BeforeValidator(parse_size)] | None
    drain: bool


def _select_member_branch(value: Any) -> str:
    return "#member" if isinstance(value, dict) else "#name"


MemberOrName = Annotated[
    Annotated[str, Tag("#name")] | Annotated[MemberEntry, Tag("#member")],
    Discriminator(_select_member_branch),
]


def parse_failover_delay(value: object) -> object:
    """A duration; `0s` means at once."""
    return 0.0 if value == "0s" else parse_duration(value)


StrategyWord = Literal["failover", "replicate", "spread"]
FailbackWord = Literal["never", "when_complete", "immediate"]
RebalanceWord = Literal["never", "when_complete"]


@with_config(STRICT_CONFIG)
class GroupEntry(TypedDict, total=False):
    """Several instances as one place for torrents."""

    strategy: Required[StrategyWord]
    members: Required[list[MemberOrName]]
    failover_after: Annotated[float, BeforeValidator(parse_failover_delay)]
    failback: FailbackWord
    rebalance: RebalanceWord


GROUP_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "strategy": get_args(StrategyWord),
    "failback": get_args(FailbackWord),
    "rebalance": get_args(RebalanceWord),
}
GROUP_NUMBER_TEXTS: Final = {
    "weight": "a number over 0, at most 1000",
    "max_torrents": "a whole number, 0 or more",
    "min_free_space": "a size like 50 GiB",
    "failover_after": "a duration like 2m or 1h30m",
}
