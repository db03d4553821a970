"""What one load is told, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.desired.torrent_files import TorrentFiles
from reconciler.model.position import Position, Problem


@dataclass(slots=True)
class Context:
    """Collects problems and warnings. `resolve_secrets` False: what only this machine lacks is a warning.

    `complete` False: a file could not be read or parsed, so that nothing can be said about what is not there.
    `files`: every file that was asked for, there or not. `torrents`: what earlier loads read of
    .torrent files, and how to fetch them.
    """

    environ: Mapping[str, str] = field(repr=False)
    resolve_secrets: bool = True
    complete: bool = True
    files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    torrents: TorrentFiles = field(default_factory=TorrentFiles)

    def problem(self, at: Position, message: str, mend: str = "", *, remote: bool = False) -> None:
        """Something that makes the desired state invalid, or (`remote`) unknown for now."""
        self.problems.append(Problem(at, message, mend, remote))

    def warn(self, at: Position, message: str, mend: str = "") -> None:
        """Something doubtful."""
        self.warnings.append(Problem(at, message, mend))

    def missing(self, at: Position, message: str, mend: str = "") -> None:
        """Something that this machine lacks: a problem, or a warning where it will run on another machine."""
        (self.problem if self.resolve_secrets else self.warn)(at, message, mend)


class DesiredStateError(Exception):
    """The desired state is invalid. `problems`: all that was found, in all files, by position, each once.

    `files`: every file that was asked for; a change of one of them may mend it.
    """

    def __init__(self, problems: Iterable[Problem], files: Iterable[str] = ()) -> None:
        self.files = tuple(dict.fromkeys(files))
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Invalid(ValueError):
    """One value breaks a rule. `message` says how, `mend` what to write instead; neither holds a secret."""

    def __init__(self, message: str, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend
