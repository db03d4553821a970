"""What loading raises."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.position import Problem


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
