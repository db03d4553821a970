"""A desired-state text as it may be shown: line by line the same, without what could be a password or a passkey."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.desired.edit.layout import Piece
from reconciler.desired.yaml.document import SECRET_KEYS

_HIDDEN: Final = "***"
_ADDRESSES: Final = frozenset({"torrent", "trackers", "web_seeds"})
_OF_A_LINE = re.compile(r"\S.*")
_PARAMETERS = re.compile(r"([?&])(?!(?:xt|dn)(?:\.[0-9]*)?=)[^\s\"']*?(?=&(?:xt|dn)(?:\.[0-9]*)?=|[\s\"']|\Z)")
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*://)(?:[^\s/\"']*@)?([^\s/\"'?#]*)[^\s\"']*")


def presentable(text: str, roots: Sequence[Piece]) -> str:
    """The text with secrets as `***`: passwords and keys, and what magnets and addresses hold beside names."""
    parts, at = [], 0
    for start, end, shown in sorted(part for root in roots for part in _hidden(text, root, "")):
        if start >= at:
            parts += [text[at:start], shown]
            at = end
    return "".join([*parts, text[at:]])


def _hidden(text: str, piece: Piece, key: str) -> Iterator[tuple[int, int, str]]:
    """What is replaced, and by what. `key`: under which key the value stands."""
    if piece.kind == "mapping":
        for name, one in piece.pairs():
            yield from _hidden(text, one, name.text)
    elif piece.kind == "sequence":
        for item in piece.items:
            yield from _hidden(text, item, key)
    elif piece.kind == "scalar" and (shown := _shown(text[piece.start : piece.end], piece.text, key)) is not None:
        yield piece.start, piece.end, shown


def _shown(written: str, means: str, key: str) -> str | None:
    if key in SECRET_KEYS:
        quote = written[:1] if written[:1] in ("'", '"') and len(written.splitlines()) == 1 else ""
        return f"{quote}{_HIDDEN}{quote}" if quote else _OF_A_LINE.sub(_HIDDEN, written)
    if means.lower().startswith("magnet:"):
        return _PARAMETERS.sub(rf"\1{_HIDDEN}", written)
    if key in _ADDRESSES and "://" in means:
        return _ADDRESS.sub(rf"\1\2/{_HIDDEN}", written)
    return None
