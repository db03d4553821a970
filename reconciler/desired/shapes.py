"""Shapes that several parts of the schema share."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Tag, with_config
from typing_extensions import TypedDict  # typing has one that pydantic can read from Python 3.12 on

from reconciler.desired import rules

STRICT: Final = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def _secret_branch(value: Any) -> str:
    return "#from" if isinstance(value, dict) else "#text"


Duration = Annotated[float, BeforeValidator(rules.duration)]


@with_config(STRICT)
class SecretFrom(TypedDict, total=False):
    """`{env: NAME}` or `{file: PATH}`; that it is exactly one of the two is checked when it is resolved."""

    env: Annotated[str, AfterValidator(rules.environment_name)]
    file: str


SecretSource = Annotated[
    Annotated[str, Tag("#text")] | Annotated[SecretFrom, Tag("#from")],
    Discriminator(_secret_branch),
]
