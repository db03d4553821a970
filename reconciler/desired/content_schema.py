"""The shape of `content`: what a torrent is made from."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Required

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag, with_config
from typing_extensions import TypedDict  # typing has one that pydantic can read from Python 3.12 on

from reconciler.desired import content_rules
from reconciler.desired.shapes import STRICT

Format = Literal["v1", "v2", "hybrid"]
FORMATS: Final[tuple[str, ...]] = Format.__args__  # type: ignore[attr-defined]


def _content_branch(value: Any) -> str:
    return "#made" if isinstance(value, dict) else "#path"


ContentPath = Annotated[str, AfterValidator(content_rules.content_path)]


@with_config(STRICT)
class ContentEntry(TypedDict, total=False):
    """`content: {path: …}`: what a torrent is made from, and how."""

    path: Required[ContentPath]
    format: Format
    piece_size: Annotated[int, BeforeValidator(content_rules.piece_size)]
    private: bool
    source: Annotated[str, AfterValidator(content_rules.content_source)]


ContentSource = Annotated[
    Annotated[ContentPath, Tag("#path")] | Annotated[ContentEntry, Tag("#made")],
    Discriminator(_content_branch),
]
