"""One entry of `torrents` as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.desired.writing.scalars import Plain, remark, value


@dataclass(frozen=True, slots=True)
class Source:
    """What an entry names its torrent by: the key (`magnet`, `torrent`, …) and its value. It may hold a passkey."""

    key: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its source, its other keys in order, and what is said of it in comments, a line each."""

    source: Source
    keys: Mapping[str, Plain] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def data(self) -> dict[str, Plain]:
        """The entry as plain data."""
        return {self.source.key: self.source.text, **self.keys}


def block_entry(entry: Entry, indent: str) -> list[str]:
    """Its lines in a block list. The remarks stand inside of the entry, so that they go where it goes."""
    lines = [f"# {remark(text)}" for text in entry.remarks]
    lines += [f"{key}: {value(one)}" for key, one in entry.data.items()]
    return [f"{indent}{'- ' if number == 0 else '  '}{text}" for number, text in enumerate(lines)]


def flow_entry(entry: Entry) -> str:
    """The entry inside of brackets; there is no room for remarks."""
    return value(entry.data, flow=True)
