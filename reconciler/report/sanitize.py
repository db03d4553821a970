"""Escaping of text from torrents, servers and files for terminals, logs, Markdown pages and GitHub's runner.

Anyone can name a torrent, and a name must not control the program that displays it.
"""

from __future__ import annotations

import re
from typing import Final

# Control characters, invisible and direction-changing characters, halves of surrogate pairs, and tag characters. The
# joiners U+200C and U+200D stay: scripts and emoji need them. `##[` anywhere in a log line begins a command of
# GitHub's runner.
_HARMFUL_CHARACTERS: Final = (
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]|(?<=##)\\["
)
_WORKFLOW_COMMAND = re.compile(r"^(\s*):(?=:)")
_BACKTICKS = re.compile("`+")
_MARKDOWN_SYNTAX = re.compile(r"[^\w ]|_", re.ASCII)


def sanitize_text(text: str) -> str:
    """Return the text on one line, with every character that could control a terminal shown as its escape."""
    if text.isascii() and text.isprintable() and "##[" not in text:  # as most texts
        return text
    return re.sub(_HARMFUL_CHARACTERS, _escape_character, text)


def truncate_text(text: str, width: int) -> str:
    """Return at most `width` characters, with an ellipsis at the end if some are missing."""
    return text if len(text) <= width else text[: width - 1] + "…"


def format_code_span(text: str) -> str:
    """Return Markdown that shows the text literally, without active mentions, links or HTML. Not for table cells."""
    shown = sanitize_text(text)
    fence = "`" * (_measure_longest_backtick_run(shown) + 1)
    pad = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{pad}{shown}{pad}{fence}" if shown else "`` ``"


def choose_code_fence(text: str) -> str:
    """Return a code fence that nothing in the text can close."""
    return "`" * max(3, _measure_longest_backtick_run(text) + 1)


def format_table_code(text: str) -> str:
    """Return a code span for a table cell, or the same as HTML where a bar or a backslash could end the cell."""
    if "|" not in text and "\\" not in sanitize_text(text):
        return format_code_span(text)
    return f"<code>{_MARKDOWN_SYNTAX.sub(lambda match: f'&#{ord(match[0])};', sanitize_text(text))}</code>"


def escape_html(text: str) -> str:
    """Return the text for use inside an HTML element."""
    from html import escape  # imports a table of 2,000 entities

    return escape(sanitize_text(text))


def escape_workflow_command(text: str) -> str:
    """Return a log line that GitHub's runner does not take for a workflow command."""
    return _WORKFLOW_COMMAND.sub(r"\1\\x3a", text)


def escape_annotation_message(*lines: str) -> str:
    """Return the lines as the message of a workflow command."""
    return "%0A".join(sanitize_text(line).replace("%", "%25") for line in lines)


def escape_annotation_property(text: str) -> str:
    """Return the text as a property of a workflow command."""
    return escape_annotation_message(text).replace(":", "%3A").replace(",", "%2C")


def _escape_character(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _measure_longest_backtick_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)
