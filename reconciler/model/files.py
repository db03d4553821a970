"""The files of a torrent: which priority the rules of an entry give to each.

See docs/decisions/0031-the-first-matching-file-rule-applies.md.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Position

MAX_NAMED_FILES: Final = 3  # in a hint


class Priority(StrEnum):
    """The download priority of a file. `skip`: not downloaded."""

    SKIP = "skip"
    NORMAL = "normal"
    HIGH = "high"
    MAXIMAL = "maximal"


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A file of a live torrent. `path` begins with the torrent's own folder, if it has one, and is parted by `/`."""

    index: int
    path: str
    priority: Priority


@dataclass(frozen=True, slots=True)
class FileRule:
    """The priority of the files that a glob matches.

    `*`, `?` and `[abc]` match within one name, `**` any number of folders. A glob is matched from the end of the path,
    so that `*.nfo` means such a file in any folder; with `/` at its beginning it is matched from the top. Both forms of
    Unicode are equal. `position` is that of a default, which is meant for other torrents too.
    """

    glob: str
    priority: Priority
    position: Position | None = field(default=None, compare=False)

    def matches(self, path: str) -> bool:
        """True if the glob matches this file."""
        globs = _compose_text(self.glob).removeprefix("/").split("/")
        return _match_globs(_compose_text(path).split("/"), globs if self.glob.startswith("/") else ["**", *globs])

    @property
    def matches_all(self) -> bool:
        """True if the glob matches every file. Rules after this one would never be reached."""
        globs = self.glob.removeprefix("/").split("/")
        return set(globs) <= {"*", "**"} and globs.count("*") <= 1 and ("**" in globs or self.glob[0] != "/")

    def __str__(self) -> str:
        return f"{self.priority} {self.glob}"


def find_wrong_priorities(files: Iterable[LiveFile], rules: Sequence[FileRule]) -> list[tuple[LiveFile, Priority]]:
    """The files whose priority is not what the rules say, each with what they say. The first rule that matches counts.

    A file that no rule matches is not managed.
    """
    wrong = []
    for file in files:
        wanted = next((rule.priority for rule in rules if rule.matches(file.path)), None)
        if wanted is not None and wanted is not file.priority:
            wrong.append((file, wanted))
    return wrong


def hint_at_files(rule: FileRule, paths: Sequence[str]) -> str:
    """Return a hint for a rule that matches none of the files of a torrent: what it may be meant for."""
    lower = replace(rule, glob=rule.glob.casefold())
    if near := next((path for path in paths if lower.matches(path.casefold())), None):
        return f'Globs are case-sensitive, and the torrent has "{near}"'
    names = ", ".join(f'"{path}"' for path in paths[:MAX_NAMED_FILES])
    more = f" and {len(paths) - MAX_NAMED_FILES:,} more" if len(paths) > MAX_NAMED_FILES else ""
    return f"The torrent has {names}{more}"


@lru_cache(4096)
def _compose_text(text: str) -> str:
    """Return a text in composed Unicode. A Mac writes names in the decomposed form, which looks the same."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _match_globs(names: Sequence[str], globs: Sequence[str]) -> bool:
    """True if the names match the globs, in order. By rows, so that many `**` cost no more than their product."""
    fits = [True] + [False] * len(names)  # fits[n]: the globs so far match the first n names
    for glob in globs:
        if glob == "**":
            fits = [any(fits[: n + 1]) for n in range(len(names) + 1)]
        else:
            fits = [False] + [fits[n] and fnmatchcase(name, glob) for n, name in enumerate(names)]
    return fits[-1]
