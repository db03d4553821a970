"""Values as YAML text that every reader takes for what they are: YAML 1.1 and 1.2, in blocks and inside of brackets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

Plain = str | bool | int | float | None | Sequence["Plain"] | Mapping[str, "Plain"]

_WORDS = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+@-]*(?: [A-Za-z0-9_./+@-]+)*")
_LINK = re.compile(r"(?:magnet:\?|https?://)[A-Za-z0-9%&=:?+._/!~*'(),;@$\[\]-]*[A-Za-z0-9%&=+._/!~*'(),;@$\[\]-]")
_MEANS_ELSE = re.compile(r"(?i)null|true|false|yes|no|on|off|y|n")  # in YAML 1.1 or 1.2
_SPECIAL = re.compile(r'[\\"]')
_ESCAPES: Final = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def scalar(text: str, *, flow: bool = False) -> str:
    """A text as a scalar: bare where that is safe, else in quotes. `flow`: it stands inside of brackets."""
    if _WORDS.fullmatch(text) and not _MEANS_ELSE.fullmatch(text) and not (flow and " " in text):
        return text
    if not flow and _LINK.fullmatch(text):
        return text
    if "\\" in text and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, _SPECIAL.sub(r"\\\g<0>", text))) + '"'


def value(one: Plain, *, flow: bool = False) -> str:
    """Any value on one line; lists and mappings in brackets."""
    if one is None:
        return "null"
    if isinstance(one, bool):
        return "true" if one else "false"
    if isinstance(one, (int, float)):
        return repr(one)
    if isinstance(one, str):
        return scalar(one, flow=flow)
    if isinstance(one, Mapping):
        return "{" + ", ".join(f"{scalar(key, flow=True)}: {value(item, flow=True)}" for key, item in one.items()) + "}"
    return "[" + ", ".join(value(item, flow=True) for item in one) + "]"


def remark(text: str) -> str:
    """A text for a comment: on one line, and nothing in it that could drive a terminal or hide what is there."""
    return "".join(sign if sign.isprintable() else "?" for sign in text).rstrip()


def _escaped(sign: str) -> str:
    if sign.isprintable():
        return sign
    if sign in _ESCAPES:
        return _ESCAPES[sign]
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
