"""Running the command line within this process, on runs that are made up."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.engine.context import RunContext
from reconciler.engine.lease_wait import RivalCallback
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState
from reconciler.model.run import Run, RunMode
from tests.support.command_line import write_desired

Answer = Callable[[DesiredState, RunOptions, RunContext], Run]


class FakeRun:
    """A replacement for `engine.run_when_free` that records its calls and returns what `answer` returns."""

    def __init__(self) -> None:
        self.calls: list[tuple[DesiredState, RunOptions]] = []
        self.answer: Answer = lambda _desired, options, _context: Run(
            RunMode.DRY_RUN if options.dry_run else RunMode.APPLY, "sha256:" + "0" * 64, 0
        )

    def __call__(
        self,
        desired: DesiredState,
        options: RunOptions,
        context: RunContext,
        report_rivals: RivalCallback,
    ) -> Run:
        self.calls.append((desired, options))
        return self.answer(desired, options, context)

    @property
    def options(self) -> RunOptions:
        """The options of the only call."""
        ((_, options),) = self.calls
        return options


class RecordedCalls:
    """A replacement for a command that records its arguments and returns an exit code."""

    def __init__(self, exit_code: int = 0) -> None:
        self.exit_code = exit_code
        self.arguments: list[tuple[object, ...]] = []

    def __call__(self, *arguments: object) -> int:
        self.arguments.append(arguments)
        return self.exit_code


@pytest.fixture(autouse=True)
def _prepare_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the password of the example, and undo what a command does to the interpreter."""
    monkeypatch.setenv("HOME_PASSWORD", "secret-of-home")
    yield
    gc.enable()


@pytest.fixture
def fake_run(monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    """A run that contacts no instance."""
    fake = FakeRun()
    monkeypatch.setattr("reconciler.engine.lease_wait.run_when_free", fake)
    monkeypatch.setattr("reconciler.engine.early_sessions.EarlySessions.begin", lambda *_: None)
    return fake


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a valid `desired.yaml`."""
    write_desired(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
