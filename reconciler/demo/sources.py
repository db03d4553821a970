"""Which Debian mirror this machine uses, read from its own apt sources: so no host is named in this project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

# one line: `deb [option=value …] URI SUITE COMPONENT…`, as sources.list(5) says
_ONE_LINE = re.compile(r"^deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+\S+\s+(.+)$")


def mirrors(texts: Iterable[str]) -> list[str]:
    """The mirrors of Debian itself that source lists name, in either format of sources.list(5), each once.

    Not those of the security archive, of third parties (their entries name a key of their own), of sources only, or
    what is switched off.
    """
    found = [uri.rstrip("/") for text in texts for uri in (*_one_line(text), *_stanzas(text))]
    return list(dict.fromkeys(uri for uri in found if re.fullmatch(r"[\w+]+:.*/debian", uri)))


def _one_line(text: str) -> Iterator[str]:
    for line in text.splitlines():
        match = _ONE_LINE.match(line.split("#")[0].strip())
        if match:
            signed = re.search(r"signed-by=(\S+)", match[1] or "")
            if _is_debian(match[3], signed[1] if signed else ""):
                yield match[2]


def _stanzas(text: str) -> Iterator[str]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = _fields(stanza)
        off = fields.get("enabled", "yes").lower() in ("no", "false", "without", "off", "disable", "0")
        binaries = "deb" in fields.get("types", "").split()
        if binaries and not off and _is_debian(fields.get("components", ""), fields.get("signed-by", "")):
            yield from fields.get("uris", "").split()


def _fields(stanza: str) -> Mapping[str, str]:
    """The fields of a stanza: names in any case, and a line that begins with a blank belongs to the one before."""
    pairs = re.findall(r"^([\w-]+):(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
    return {name.lower(): value.strip() for name, value in pairs}


def _is_debian(components: str, signed_by: str) -> bool:
    return "main" in components.split() and (not signed_by or "debian-archive" in signed_by)
