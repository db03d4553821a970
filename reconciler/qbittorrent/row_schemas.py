"""The shapes of replies whose fields are all passed on to others, as they are. See `schemas` for all other replies."""

from math import isfinite
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, ConfigDict, FailFast, with_config
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from reconciler.model.rows import Row
from reconciler.qbittorrent.schemas import MAX_INT64, STRICT_CONFIG, Int64, LazyAdapter, TorrentId

Scalar = str | bool | int | float | None


def _check_scalars(values: dict[str, Any]) -> dict[str, Any]:
    """Return values that a server can mean. Raises `ValueError`. A union of types takes twice the time."""
    for value in values.values():
        kind = type(value)
        if kind is int:
            if not -MAX_INT64 - 1 <= value <= MAX_INT64:
                raise ValueError("an integer beyond 64 bits")
        elif kind is float:
            if not isfinite(value):
                raise ValueError("not a number")
        elif not (kind is str or kind is bool or value is None):
            raise ValueError("not a text or number")
    return values


Values = Annotated[dict[str, Any], AfterValidator(_check_scalars)]


@with_config(STRICT_CONFIG)
class MainValues(TypedDict):
    """A reply of sync/maindata with all fields: everything (`full_update`), or what changed since the reply before."""

    rid: Int64
    full_update: NotRequired[bool]
    torrents: NotRequired[dict[TorrentId, Values]]
    torrents_removed: NotRequired[Annotated[list[str], FailFast()]]
    categories: NotRequired[dict[str, Values]]
    categories_removed: NotRequired[Annotated[list[str], FailFast()]]
    tags: NotRequired[Annotated[list[str], FailFast()]]
    tags_removed: NotRequired[Annotated[list[str], FailFast()]]
    server_state: NotRequired[Values]


_STRICT = ConfigDict(strict=True)
ROW_VALUES_ADAPTER: LazyAdapter[list[Row]] = LazyAdapter(Annotated[list[Values], FailFast()], config=_STRICT)
MAIN_VALUES_ADAPTER: LazyAdapter[MainValues] = LazyAdapter(MainValues)
CATEGORY_VALUES_ADAPTER: LazyAdapter[dict[str, dict[str, Any]]] = LazyAdapter(dict[str, Values], config=_STRICT)
VALUES_ADAPTER: LazyAdapter[dict[str, Any]] = LazyAdapter(Values, config=_STRICT)
