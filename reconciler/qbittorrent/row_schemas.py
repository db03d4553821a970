"""The shapes of replies whose fields are all passed on to others, as they are. See `schemas` for all other replies."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import ConfigDict, FailFast, Field, StringConstraints, with_config
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from reconciler.model.rows import Row
from reconciler.qbittorrent.schemas import MAX_INT64, STRICT_CONFIG, Int64, LazyAdapter

# An integer beyond 64 bits must not pass as a float
Float = Annotated[float, Field(ge=-MAX_INT64 - 1, le=MAX_INT64, allow_inf_nan=False)]
Scalar = str | bool | Int64 | Float | None
Values = dict[str, Scalar]
CategoryValues = dict[str, Scalar]
TorrentId = Annotated[str, StringConstraints(pattern="^[0-9a-f]{40}$")]


@with_config(STRICT_CONFIG)
class MainValues(TypedDict):
    """A reply of sync/maindata with all fields: everything (`full_update`), or what changed since the reply before."""

    rid: Int64
    full_update: NotRequired[bool]
    torrents: NotRequired[dict[TorrentId, Values]]
    torrents_removed: NotRequired[Annotated[list[str], FailFast()]]
    categories: NotRequired[dict[str, CategoryValues]]
    categories_removed: NotRequired[Annotated[list[str], FailFast()]]
    tags: NotRequired[Annotated[list[str], FailFast()]]
    tags_removed: NotRequired[Annotated[list[str], FailFast()]]
    server_state: NotRequired[Values]


_STRICT = ConfigDict(strict=True)
ROW_VALUES_ADAPTER: LazyAdapter[list[Row]] = LazyAdapter(Annotated[list[Values], FailFast()], config=_STRICT)
MAIN_VALUES_ADAPTER: LazyAdapter[MainValues] = LazyAdapter(MainValues)
CATEGORY_VALUES_ADAPTER: LazyAdapter[dict[str, CategoryValues]] = LazyAdapter(dict[str, CategoryValues], config=_STRICT)
VALUES_ADAPTER: LazyAdapter[Values] = LazyAdapter(Values, config=_STRICT)
