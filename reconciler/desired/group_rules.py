"""What the single values of a group must look like. Each function returns its value or raises `Invalid`."""

from __future__ import annotations

import re
from typing import Final

from reconciler.desired.errors import Invalid
from reconciler.desired.rules import duration, plain_name

_UNITS: Final = {
    unit: base**power
    for base, units in ((1000, ("B", "kB", "MB", "GB", "TB")), (1024, ("B", "KiB", "MiB", "GiB", "TiB")))
    for power, unit in enumerate(units)
}
_SIZE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([A-Za-z]+)\Z")


def group_name(text: str) -> str:
    """The name of a group."""
    return plain_name("the name of a group", text)


def patience(value: object) -> object:
    """A duration; `0s` means at once."""
    return 0.0 if value == "0s" else duration(value)


def size(value: object) -> object:
    """`50 GiB` -> bytes. Anything but text and numbers is left to the schema."""
    units = ", ".join(_UNITS)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Invalid(f"a size needs a unit: {units}", "Write it like 50 GiB")
    if not isinstance(value, str):
        return value
    found = _SIZE.match(value)
    if not found or found[2] not in _UNITS:
        raise Invalid(f"a size is a number and its unit: {units}", "Write it like 50 GiB")
    return int(float(found[1]) * _UNITS[found[2]])
