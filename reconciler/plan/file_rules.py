"""Warnings about file rules that match nothing: a typing error, another case, or files that were renamed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from reconciler.model.codes import Code
from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.names import FILES
from reconciler.model.files import FileRule, LiveFile, hint_at_files
from reconciler.model.position import Position, Problem
from reconciler.model.torrent_file import TorrentFile
from reconciler.plan.match import Match


def find_unmatched_rules(matches: Iterable[Match]) -> tuple[Problem, ...]:
    """Return a warning for each rule that matches no file, as far as the files are known.

    A default is meant for several torrents, so it counts as unmatched only if it matches no file of any. The rules of
    an entry with a .torrent file were compared with that when they were loaded.
    """
    warnings: set[Problem] = set()
    counts: Counter[tuple[Position, FileRule]] = Counter()  # of the torrents that a default applies to
    matched: set[tuple[Position, FileRule]] = set()
    for match in matches:
        entry, files = match.entry, match.live.files if match.live else None
        if not files or not entry.files or FILES in entry.ignore_changes:
            continue
        for rule in entry.files:
            if rule.position:
                default = rule.position, rule
                if default not in matched and _matches_any(rule, files):
                    matched.add(default)
                counts[default] += 1
            elif not isinstance(entry.source, TorrentFile) and not _matches_any(rule, files):
                warnings.add(_build_warning(entry, rule, [file.path for file in files]))
    for (position, rule), count in counts.items():
        if (position, rule) not in matched:
            torrents = "the torrent" if count == 1 else f"{count:,} torrents"
            warnings.add(
                Problem(
                    position,
                    Code.UNMATCHED_RULE,
                    f'the rule "{rule.glob}" matches no file of {torrents} that it applies to',
                )
            )
    return tuple(sorted(warnings))


def _matches_any(rule: FileRule, files: Sequence[LiveFile]) -> bool:
    return any(rule.matches(file.path) for file in files)


def _build_warning(entry: DesiredTorrent, rule: FileRule, paths: Sequence[str]) -> Problem:
    message = f'the rule "{rule.glob}" matches no file of "{entry.label}"'
    return Problem(entry.position, Code.UNMATCHED_RULE, message, hint_at_files(rule, paths))
