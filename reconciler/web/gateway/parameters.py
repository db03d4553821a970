"""Parameters of requests, read as qBittorrent 5.1 reads them, and the keys of an entry that they mean."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request

from reconciler.model.intake import EntryValue
from reconciler.model.tags import is_reserved_tag
from reconciler.report.sanitize import sanitize_text
from reconciler.web.forms import Form, media_type_of, read_form

MAX_RATE = 2**31 - 2  # bytes per second: qBittorrent counts in 32 bits, and takes the last number for "none"
MAX_MINUTES = 365 * 1440
MAX_RATIO = 9999.0
GLOBAL_LIMIT, NO_LIMIT = -2, -1
_INT_DIGITS = 18  # of a number that is still read


async def read_post_form(request: Request) -> Form:
    """Return the parameters in the body of a POST; none if it is empty. Raises `HTTPException`: 400 or 413."""
    if not media_type_of(request) and not await request.body():
        return Form({})
    try:
        return await read_form(request)
    except HTTPException as error:
        if error.status_code == 413:
            raise
        raise HTTPException(400, "Bad Request") from error  # as 5.1, whatever is wrong with it


def require(fields: Mapping[str, str], *names: str) -> None:
    """Raise `HTTPException` (400) unless all parameters are given."""
    if any(name not in fields for name in names):
        raise HTTPException(400, "Bad Request")


def parse_bool(text: str) -> bool | None:
    """Return the value of a flag in any case; None for everything else, which counts as not given."""
    return {"true": True, "false": False}.get(text.strip().lower())


def parse_int(text: str) -> int | None:
    """Return a whole number; None for everything else."""
    digits = text.strip().removeprefix("-").removeprefix("+")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= _INT_DIGITS else None


def parse_float(text: str) -> float | None:
    """Return a finite number; None for everything else."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def rate_value(rate: int) -> str:
    """Return the value of a rate key for bytes per second; zero and less mean no limit."""
    return f"{min(rate, MAX_RATE)} B/s" if rate > 0 else "unlimited"


def ratio_value(ratio: float) -> float | str:
    """Return the value of `ratio` for what the Web API calls so: -2 is the global one, -1 none."""
    if ratio < 0:
        return "global" if ratio == GLOBAL_LIMIT else "unlimited"
    return math.floor(min(ratio, MAX_RATIO) * 1000 + 1e-6) / 1000  # qBittorrent keeps three decimals


def minutes_value(minutes: int) -> str:
    """Return the value of a time limit: -2 is the global one, -1 none."""
    if minutes < 0:
        return "global" if minutes == GLOBAL_LIMIT else "unlimited"
    return f"{min(minutes, MAX_MINUTES)}m"


def split_tags(text: str) -> tuple[str, ...]:
    """Return the tags of a list with commas. Raises `HTTPException` (409) for tags that only `reconcile` sets."""
    tags = tuple(dict.fromkeys(tag for item in text.split(",") if (tag := item.strip())))
    if reserved := next(filter(is_reserved_tag, tags), None):
        raise HTTPException(409, f'The tag "{sanitize_text(reserved)}" is reserved: only reconcile sets such tags.')
    return tags


def tags_value(names: Iterable[str], *, only: bool) -> EntryValue:
    """Return the value of `tags`. `only`: every other tag is removed."""
    return {"only": sorted(names)} if only else sorted(names)


def split_ids(text: str) -> list[str]:
    """Return the ids of a parameter `hashes`, in lower case."""
    return [torrent_id.strip().lower() for torrent_id in text.split("|") if torrent_id.strip()]
