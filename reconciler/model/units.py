"""Numbers with units: sizes, rates, times and ratios, and the words for qBittorrent's special values.

The desired state reads the texts that these functions return as the same numbers.
"""

from __future__ import annotations

from typing import Final

SIZE_UNITS: Final = {
    "B": 1,
    "kB": 1000,
    "KiB": 1 << 10,
    "MB": 1000**2,
    "MiB": 1 << 20,
    "GB": 1000**3,
    "GiB": 1 << 30,
    "TB": 1000**4,
    "TiB": 1 << 40,
}
RATE_UNITS: Final = {f"{unit}/s": size for unit, size in SIZE_UNITS.items() if not unit.startswith("T")}
SECONDS_BY_UNIT: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}

GLOBAL_LIMIT: Final = -2  # a share limit that follows the settings of the server
UNLIMITED: Final = -1  # no share limit, whatever the settings of the server are
RATIO_TOLERANCE: Final = 0.0015  # qBittorrent keeps thousandths, truncated: 4.02 is 4.019 after a restart
LIMIT_WORDS: Final = {GLOBAL_LIMIT: "global", UNLIMITED: "unlimited"}

_DESCENDING_RATE_UNITS: Final = sorted(RATE_UNITS.items(), key=lambda unit: -unit[1])
_MINUTES_BY_UNIT: Final = {unit: seconds // 60 for unit, seconds in SECONDS_BY_UNIT.items() if seconds >= 60}


def rate_text(rate: int) -> str:
    """Bytes per second in the largest unit that leaves a whole number: `5 MiB/s`; 0 is `unlimited`."""
    if rate == 0:
        return "unlimited"
    unit, size = next((unit, size) for unit, size in _DESCENDING_RATE_UNITS if rate % size == 0)
    return f"{rate // size} {unit}"


def minutes_text(minutes: int) -> str:
    """A time limit as `14d`, `1h30m` or `0m`; -2 is `global`, -1 is `unlimited`."""
    if minutes in LIMIT_WORDS:
        return LIMIT_WORDS[minutes]
    parts = []
    for unit, size in _MINUTES_BY_UNIT.items():
        count, minutes = divmod(minutes, size)
        parts += [f"{count}{unit}"] * bool(count)
    return "".join(parts) or "0m"


def ratio_text(ratio: float) -> str | float:
    """A ratio limit as a number, without decimals where it has none; -2 is `global`, -1 is `unlimited`."""
    if ratio in LIMIT_WORDS:
        return LIMIT_WORDS[int(ratio)]
    return int(ratio) if ratio == int(ratio) else ratio
