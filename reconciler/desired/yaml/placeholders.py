"""Recognizes placeholders of other tools, such as `${NAME}`, which `reconcile` does not fill in."""

from __future__ import annotations

import re
from typing import Final

# Each group is one form; a name without braces counts only as a whole part of a path, a URL or a dashed word. Text, as
# all expressions that few runs need: `re` compiles it at first use.
_PLACEHOLDER: Final = (
    r"(?s)(?P<brace>\$\{)"
    r"|(?P<template>\{\{.*?\}\})"
    r"|(?P<statement>\{%.*?%\})"
    r"|(?P<parenthesis>\$\([^()]*\))"
    r"|(?P<plain>(?:\A|(?<=[/\\=:@.,-]))\$(?:[A-Z_][A-Z0-9_]*|[a-z]+(?:_[a-z]+)+)(?=[/\\&:?@.,-]|\Z))"
    r"|(?P<percent>(?:\A|(?<=[/\\]))%[A-Za-z_]{3,}%(?=[/\\]|\Z))"
    r"|(?P<encrypted>\AENC\[[A-Z0-9_]+,data:)"
)
_FORMS: Final = {
    "brace": "${NAME}",
    "template": "{{ name }}",
    "statement": "{% … %}",
    "parenthesis": "$(NAME)",
    "plain": "$NAME",
    "percent": "%NAME%",
    "encrypted": "ENC[…]",
}
_BRACES: Final = re.compile(r"\{[{%]")  # begins with a fixed character, which makes the search fast
_PERCENT: Final = re.compile(r"%[A-Za-z_]{3,}%")
_CANDIDATE: Final = r"\$|\{[{%]|ENC\[|%[A-Za-z_]{3,}%"
_UNQUOTED_START: Final = r"\$\{|\{\{|\{%"


def find_placeholder(text: str) -> str:
    """Return the form of the first placeholder in a value, such as `${NAME}`; "" where there is none."""
    if not may_have_placeholder(text):
        return ""
    match = re.search(_PLACEHOLDER, text)
    return _FORMS[match.lastgroup] if match and match.lastgroup else ""


def may_have_placeholder(text: str) -> bool:
    """Return False for a text, of a value or a whole file, that certainly contains no placeholder. Fast."""
    return "$" in text or "ENC[" in text or bool(_BRACES.search(text) or ("%" in text and _PERCENT.search(text)))


def find_placeholder_offsets(text: str) -> list[int]:
    """Return the offsets in the text of a file at which placeholders may begin."""
    return [match.start() for match in re.finditer(_CANDIDATE, text)]


def find_unquoted_placeholder(line: str) -> tuple[str, int] | None:
    """Return the form and the column, from 0, of what begins like a placeholder in a line that is not YAML."""
    match = re.search(_UNQUOTED_START, line)
    return ({"${": "${NAME}", "{{": "{{ name }}", "{%": "{% … %}"}[match[0]], match.start()) if match else None


def placeholder_message(form: str) -> str:
    """Return the problem with a placeholder of this form. Its name is never quoted: it may be a secret."""
    return f"the placeholder {form} is not filled in: reconcile would use it as it stands"
