"""Parses the values of options that are more than a word or a path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reconciler.cli.settings import CommandFailure

if TYPE_CHECKING:
    from reconciler.model.shard import Shard


def parse_shard(text: str | None) -> Shard | None:
    """Return the share of this process, or None if there is no text. Raises `CommandFailure`."""
    if not text:
        return None
    from reconciler.model.shard import Shard

    try:
        return Shard.parse(text)
    except ValueError as error:
        raise CommandFailure(f"--shard: {error}", 4) from error


def parse_seconds(text: str, option: str = "--interval") -> float:
    """Parse a duration, written as in the desired state, into seconds. Raises `CommandFailure`."""
    from reconciler.desired.schema.common import parse_duration

    try:
        return float(str(parse_duration(text.strip())))
    except ValueError as error:
        raise CommandFailure(f"{option}: {error}; write it like 60s, 5m or 1h", 4) from error


def parse_labels(texts: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    """Parse labels like `movie_id=12`. Raises `CommandFailure`."""
    pairs = [text.partition("=") for text in texts or ()]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise CommandFailure(f'--label: "{name}{equals}" is no label. Write it like --label movie_id=12', 4)
    return tuple((name, value) for name, _, value in pairs)


def parse_instance_names(texts: Sequence[str] | None) -> tuple[str, ...]:
    """Split instance names at commas and spaces: an environment variable may contain several."""
    return tuple(dict.fromkeys(name for text in texts or () for name in re.split(r"[,\s]+", text) if name))
