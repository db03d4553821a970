"""The shape of groups."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Required

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, with_config
from typing_extensions import TypedDict  # typing has one that pydantic can read from Python 3.12 on

from reconciler.desired import group_rules
from reconciler.desired.shapes import STRICT

GroupName = Annotated[str, AfterValidator(group_rules.group_name)]


def _member_branch(value: Any) -> str:
    return "#member" if isinstance(value, dict) else "#name"


@with_config(STRICT)
class MemberEntry(TypedDict, total=False):
    """A member of a group with more to say than its name."""

    name: Required[str]
    weight: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
    max_torrents: Annotated[int, Field(ge=0)] | None
    min_free_space: Annotated[int, BeforeValidator(group_rules.size)] | None


MemberOrName = Annotated[
    Annotated[str, Tag("#name")] | Annotated[MemberEntry, Tag("#member")],
    Discriminator(_member_branch),
]


@with_config(STRICT)
class GroupEntry(TypedDict, total=False):
    """Several instances as one place for torrents."""

    strategy: Required[Literal["failover", "replicate", "spread"]]
    members: Required[list[MemberOrName]]
    failover_after: Annotated[float, BeforeValidator(group_rules.patience)]
    failback: Literal["never", "when_complete", "immediate"]
    rebalance: Literal["never", "when_complete"]
