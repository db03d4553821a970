"""Numbers as people write them: rates, times and ratios, and the words that stand for qBittorrent's special values.

What these give, the desired state understands: reading it back leads to the same number.
"""

from __future__ import annotations

from typing import Final

GLOBAL_LIMIT: Final = -2  # of a share limit: as the server's own settings say
UNLIMITED: Final = -1  # of a share limit: none, whatever they say
LIMIT_WORDS: Final = {GLOBAL_LIMIT: "global", UNLIMITED: "unlimited"}

RATE_UNITS: Final = {
    "B/s": 1,
    "kB/s": 1000,
    "KiB/s": 1 << 10,
    "MB/s": 1000**2,
    "MiB/s": 1 << 20,
    "GB/s": 1000**3,
    "GiB/s": 1 << 30,
}
_DESCENDING_RATE_UNITS: Final = sorted(RATE_UNITS.items(), key=lambda unit: -unit[1])
_TIME_UNITS: Final = (("d", 1440), ("h", 60), ("m", 1))


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
    for unit, size in _TIME_UNITS:
        count, minutes = divmod(minutes, size)
        parts += [f"{count}{unit}"] * bool(count)
    return "".join(parts) or "0m"


def ratio_text(ratio: float) -> str | float:
    """A ratio limit as a number, without decimals where it has none; -2 is `global`, -1 is `unlimited`."""
    if ratio in LIMIT_WORDS:
        return LIMIT_WORDS[int(ratio)]
    return int(ratio) if ratio == int(ratio) else ratio
