"""The state of one load, and its errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.desired.torrent_files import TorrentFileCache
from reconciler.model.codes import Code
from reconciler.model.desired import DesiredState
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Position, Problem

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

    from reconciler.desired.parsed_files import ParsedFiles
    from reconciler.desired.secret_hosts import SecretLock

BeginReading = Callable[[DesiredState], None]
"""Begins to read the instances of a desired state whose torrents are not known yet."""

MAX_PROBLEMS: Final = 1000  # that are listed: nobody reads more, and each costs time and memory


@dataclass(frozen=True, slots=True)
class LoadedText:
    """The text of a file, and the root node of each document in it; no nodes if it is not YAML."""

    text: str = field(repr=False)
    roots: Sequence[Node]


@dataclasses.dataclass(slots=True, repr=False, eq=False)  # to compile these takes a millisecond
class LoadContext:
    """The settings of one load, and the problems and warnings that it has collected so far.

    `requires_secrets` False: a secret or file that only this machine lacks is a warning. `is_complete` False: a file
    could not be read or parsed, so nothing can be said about what is missing. `files`: every file that the load
    depends on, also missing ones, and every folder that it has searched. `yaml_files`: the files of documents, as they
    were read. `torrent_files`: the fetcher of .torrent files, with the cache of earlier loads.
    `variables`: the environment variables that the files name. `secret_lock`: what secrets may be used, and for what
    hosts; None: all. `export_folders`: where an export may be written besides the folder of its file.
    `contacts_instances` False: no instance is contacted, so nothing that only this needs is missed.
    `keeps_references`: no secret is read; each is the text of its reference, `{env: NAME}`. `texts`:
    the files that were read, by name, for the excerpts of problems. `intake_file`: the name of the file of the intake;
    `is_intake_missing`: it does not exist. `reads_intake` False: it is not read.
    `parsed`: the documents of the last load, where the next load may use them again.
    """

    environ: Mapping[str, str]
    requires_secrets: bool = True
    is_complete: bool = True
    files: list[str] = field(default_factory=list)
    yaml_files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    torrent_files: TorrentFileCache = field(default_factory=TorrentFileCache)
    variables: set[str] = field(default_factory=set)
    secret_lock: SecretLock | None = None
    export_folders: Sequence[Path] = ()
    contacts_instances: bool = True
    keeps_references: bool = False
    texts: dict[str, LoadedText] = field(default_factory=dict)
    intake_file: str = ""
    is_intake_missing: bool = False
    reads_intake: bool = True
    parsed: ParsedFiles | None = None

    def add_file(self, name: str) -> None:
        """Note a file that the desired state depends on, before anything about it is looked at."""
        if self.torrent_files.before_read:
            self.torrent_files.before_read(name)
        self.files.append(name)

    def add_problem(self, position: Position, code: str, message: str, hint: str = "") -> None:
        """Record a problem, which makes the desired state invalid."""
        self.problems.append(Problem(position, code, message, hint))

    def has_problem_at(self, position: Position) -> bool:
        """Return True if a problem at this position has been recorded."""
        return any(problem.position == position for problem in self.problems)

    def add_warning(self, position: Position, code: str, message: str, hint: str = "") -> None:
        """Record a warning."""
        self.warnings.append(Problem(position, code, message, hint))

    def add_missing(self, position: Position, code: str, message: str, hint: str = "") -> None:
        """Record something that this machine lacks: a problem, or a warning unless `requires_secrets`."""
        if not self.contacts_instances:
            return
        (self.add_problem if self.requires_secrets else self.add_warning)(position, code, message, hint)


@dataclass(frozen=True, slots=True)
class LoadPermissions:
    """The reach of a desired state beyond its folder, as whoever runs the command allows it.

    `secrets_file` lists the secrets that may be used, each with its hosts; None: all. `export_folders`: folders that an
    export may be written to. `reads_secrets` False: each secret is the text of its reference, `{env: NAME}`, to be
    compared and never to be sent. `reads_intake` False: what services have handed in is left out. `contacts_instances`
    False: what this machine lacks to contact them is not even worth a warning.
    """

    secrets_file: Path | None = None
    export_folders: tuple[Path, ...] = ()
    reads_secrets: bool = True
    reads_intake: bool = True
    contacts_instances: bool = True


class DesiredStateError(Exception):
    """The desired state is invalid. `problems`: the problems of all files, sorted by position, without duplicates.

    After `MAX_PROBLEMS` of them, one more says how many are left out.
    `files`: every file and folder that the load depends on; a change of any of them may fix it.
    """

    def __init__(self, problems: Iterable[Problem], files: Iterable[str] = ()) -> None:
        self.files = tuple(dict.fromkeys(files))
        self.problems = limit_problems(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def limit_problems(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return the first problems, and one that counts the others."""
    if len(problems) <= MAX_PROBLEMS:
        return tuple(problems)
    message = f"{len(problems) - MAX_PROBLEMS:,} more problems from here on are not listed"
    return (
        *problems[:MAX_PROBLEMS],
        Problem(problems[MAX_PROBLEMS].position, Code.TOO_MANY_PROBLEMS, message, "Correct the others first"),
    )


class InvalidValue(ValueError):
    """A value that breaks a rule, of the kind `code`. `message` says how, `hint` what to write instead.

    Neither contains a secret.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
