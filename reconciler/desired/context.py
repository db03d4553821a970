"""What one load is told, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.desired.torrent_files import TorrentFileCache
from reconciler.model.position import Position, Problem


@dataclass(slots=True)
class LoadContext:
    """Collects problems and warnings. `resolve_secrets` False: what only this machine lacks is a warning.

    `complete` False: a file could not be read or parsed, so that nothing can be said about what is not there.
    `files`: every file that was asked for, there or not. `torrent_files`: what earlier loads read of
    .torrent files, and how to fetch them.
    """

    environ: Mapping[str, str] = field(repr=False)
    requires_secrets: bool = True
    is_complete: bool = True
    files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    torrent_files: TorrentFileCache = field(default_factory=TorrentFileCache)

    def add_problem(self, position: Position, message: str, hint: str = "", *, remote: bool = False) -> None:
        """Something that makes the desired state invalid, or (`remote`) unknown for now."""
        self.problems.append(Problem(position, message, hint, remote))

    def add_warning(self, position: Position, message: str, hint: str = "") -> None:
        """Something doubtful."""
        self.warnings.append(Problem(position, message, hint))

    def add_missing(self, position: Position, message: str, hint: str = "") -> None:
        """Something that this machine lacks: a problem, or a warning where it will run on another machine."""
        (self.add_problem if self.requires_secrets else self.add_warning)(position, message, hint)


class DesiredStateError(Exception):
    """The desired state is invalid. `problems`: all that was found, in all files, by position, each once.

    `files`: every file that was asked for; a change of one of them may mend it.
    """

    def __init__(self, problems: Iterable[Problem], files: Iterable[str] = ()) -> None:
        self.files = tuple(dict.fromkeys(files))
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class InvalidValue(ValueError):
    """One value breaks a rule. `message` says how, `hint` what to write instead; neither holds a secret."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
