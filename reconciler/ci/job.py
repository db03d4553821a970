"""One job: the inputs of the action, its event, the files that its steps share, and `reconcile` as a process."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reconciler.ci.event import JobEvent, read_event
from reconciler.cli.step_summary import VARIABLE, append_step_summary
from reconciler.model.lazy_dataclass import dataclass
from reconciler.report.github import render_warning
from reconciler.report.sanitize import format_code_span
from reconciler.report.text.lines import make_line, render_plain

_KEY_LENGTH: Final = 16  # hex digits


@dataclass(frozen=True, slots=True)
class CiJob:
    """The action in one job. Files are relative to `workspace`; the steps share `folder`."""

    event: JobEvent
    environ: Mapping[str, str]
    workspace: Path
    folder: Path
    file: str
    secrets_for: str = ""
    live: str = ""

    @property
    def key(self) -> str:
        """The same for each run on this desired state, and another one for others in the same pull request."""
        return make_key(self.file)

    @property
    def applies(self) -> bool:
        """True if this job applies the desired state. One with a snapshot only plans: it may reach no instance."""
        return self.event.can_apply and self.is_on("INPUT_APPLY") and not self.live

    @property
    def plan_report(self) -> Path:
        """The JSON report of the plan."""
        return self.folder / "plan.json"

    def is_on(self, name: str) -> bool:
        """Return True unless an input is switched off."""
        return self.environ.get(name, "true").strip().lower() not in ("false", "0", "no", "off")

    def run_reconcile(self, step: str, *arguments: str) -> int:
        """Run `reconcile ARGUMENTS`, keep its Markdown report for the comment, and return its exit code."""
        summary = self._page(step)
        summary.unlink(missing_ok=True)
        command = (sys.executable, "-I", "-m", "reconciler", *arguments, "--output", "github")
        process = subprocess.Popen(command, cwd=self.workspace, env={**self.environ, VARIABLE: str(summary)})
        for number in (signal.SIGINT, signal.SIGTERM):  # a job that is cancelled: let it log out
            signal.signal(number, lambda number, _: process.send_signal(number))
        code = process.wait()
        self._append_summary(self.read_page(step))
        return code

    def write_page(self, step: str, markdown: str) -> None:
        """Write what a step has to say in place of a report."""
        self._page(step).write_text(markdown, encoding="utf-8")
        self._append_summary(markdown)

    def add_note(self, text: str, reason: str) -> None:
        """Write a note and its reason, which may quote others, to the job summary and to the log."""
        print(render_plain(make_line(f"{text}: {reason}")), flush=True)  # noqa: T201
        self._append_summary(f"{text}: {format_code_span(reason)}\n")

    def read_page(self, step: str) -> str:
        """Return the Markdown of a step, or "" if it has none."""
        page = self._page(step)
        return page.read_text(encoding="utf-8") if page.exists() else ""

    def set_output(self, name: str, value: str) -> None:
        """Set an output of the step."""
        if path := self.environ.get("GITHUB_OUTPUT"):
            with Path(path).open("a", encoding="utf-8") as stream:
                stream.write(f"{name}={value}\n")

    def _page(self, step: str) -> Path:
        return self.folder / f"{step}.md"

    def _append_summary(self, markdown: str) -> None:
        if markdown and (problem := append_step_summary(markdown, self.environ)):
            print(render_warning(problem), flush=True)  # noqa: T201


def open_job(environ: Mapping[str, str]) -> CiJob:
    """Return the job that the variables describe. Raises `ActionError`."""
    workspace = Path(environ.get("GITHUB_WORKSPACE") or os.curdir).resolve()
    file = os.path.normpath(environ.get("INPUT_FILE", "").strip() or "desired.yaml")
    if Path(file).is_relative_to(workspace):
        file = str(Path(file).relative_to(workspace))
    folder = Path(environ.get("RUNNER_TEMP") or tempfile.gettempdir()) / f"reconcile-{make_key(file)}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return CiJob(
        read_event(environ),
        environ,
        workspace,
        folder,
        file,
        environ.get("INPUT_SECRETS_FOR", "").strip(),
        environ.get("INPUT_LIVE", "").strip(),
    )


def make_key(file: str) -> str:
    """Return a name for a desired state that any folder and any comment can contain."""
    return hashlib.sha256(file.encode()).hexdigest()[:_KEY_LENGTH]
