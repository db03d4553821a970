"""Running the command line within this process, on runs that are made up."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.engine import RunContext, RunOptions
from reconciler.model.desired import DesiredState
from reconciler.model.run import Run, RunMode
from tests.support.command_line import write_desired

Answer = Callable[[DesiredState, RunOptions, RunContext], Run]


class FakeRun:
    """Stands in for `control.run_once`: keeps what it was called with and answers as it is told to."""

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
    ) -> Run:
        self.calls.append((desired, options))
        return self.answer(desired, options, context)

    @property
    def options(self) -> RunOptions:
        """The options of the only call."""
        ((_, options),) = self.calls
        return options


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(("RECONCILE_", "GITHUB_", "NO_COLOR")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME_PASSWORD", "secret-of-home")
    yield
    gc.enable()


@pytest.fixture
def fake_run(monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    """No instance is contacted."""
    fake = FakeRun()
    monkeypatch.setattr("reconciler.engine.run_once", fake)
    return fake


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a valid `desired.yaml`."""
    write_desired(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
