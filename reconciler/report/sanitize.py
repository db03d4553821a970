"""Text from torrents, servers and files, made harmless for a terminal, a log, a Markdown page and GitHub's runner.

Anybody can name a torrent, and a name must not drive whatever displays it.
"""

from __future__ import annotations

import re
from html import escape

# Control characters, invisible and direction-changing ones, halves of surrogate pairs, and tag characters. The
# joiners U+200C and U+200D stay: scripts and emoji need them. `##[` begins a command of GitHub's runner wherever
# it stands in a line of a log.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]|(?<=##)\\["
)
_COMMAND = re.compile(r"^(\s*):(?=:)")
_BACKTICKS = re.compile("`+")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@$^])")


def clean(text: str) -> str:
    """One line without a character that could drive a terminal; each such character is shown as its escape."""
    return _HARMFUL.sub(_escaped, text)


def clipped(text: str, width: int) -> str:
    """At most `width` characters, an ellipsis at the end where some are missing."""
    return text if len(text) <= width else text[: width - 1] + "…"


def code_span(text: str) -> str:
    """Markdown that shows the text literally: no mention, link, markup or HTML in it is alive. Not for table cells."""
    shown = clean(text)
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{pad}{shown}{pad}{fence}" if shown else "`` ``"


def fence_for(text: str) -> str:
    """A code fence that nothing in the text can close."""
    return "`" * max(3, _longest_run(text) + 1)


def markdown(text: str) -> str:
    """Markdown for a short plain word of ours or of the configuration, table cells included."""
    return _MARKUP.sub(r"\\\1", clean(text))


def markup(text: str) -> str:
    """The same for a place inside an HTML element."""
    return escape(clean(text))


def inert(text: str) -> str:
    """A line of a log that GitHub's runner does not take for a workflow command, wherever the line came from."""
    return _COMMAND.sub(r"\1\\x3a", text)


def annotation_message(*lines: str) -> str:
    """The message of a workflow command, line by line."""
    return "%0A".join(clean(line).replace("%", "%25") for line in lines)


def annotation_property(text: str) -> str:
    """A property of a workflow command."""
    return annotation_message(text).replace(":", "%3A").replace(",", "%2C")


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)
