"""Runs the action as a runner does: the `run:` blocks of action.yml, in their order, each with its files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from tests.support.git import GIT_ENVIRON

REPOSITORY: Final = Path(__file__).parents[2]
ACTION: Final = REPOSITORY / "action.yml"
BASE: Final = "ab" * 20
HEAD: Final = "cd" * 20
_EXPRESSION: Final = re.compile(r"\$\{\{ (.+?) \}\}")


def load_yaml(path: Path) -> dict[str, Any]:
    """Return a YAML file as plain data."""
    return dict(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")))


def make_pull_request(source: str | None = "home/torrents", base: str = BASE, head: str = HEAD) -> dict[str, Any]:
    """Return the event of pull request 7 of the repository home/torrents, with commits of a repository `source`."""
    repo = {"full_name": source} if source else None
    pull_request = {"number": 7, "base": {"sha": base}, "head": {"sha": head, "repo": repo}}
    return {"pull_request": pull_request, "repository": {"default_branch": "main"}}


@dataclass
class ActionRun:
    """One job that uses the action. `exit_codes` and `outputs` are by the name or the id of a step."""

    workspace: Path
    folder: Path
    event_name: str
    event: Mapping[str, Any]
    inputs: Mapping[str, str]
    environ: Mapping[str, str]
    exit_codes: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""
    summary: str = ""

    def run(self) -> None:
        """Run every step whose condition holds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "event.json").write_text(json.dumps(self.event))
        for number, step in enumerate(load_yaml(ACTION)["runs"]["steps"]):
            if self._holds(step.get("if", "success()")):
                self._run_step(step, self.folder / str(number))

    @property
    def exit_code(self) -> int:
        """The first exit code that is not 0."""
        return next(filter(None, self.exit_codes.values()), 0)

    def _run_step(self, step: Mapping[str, Any], files: Path) -> None:
        files.mkdir()
        script = files / "script.sh"
        script.write_text(step["run"])
        words = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        own = {name: self._expand(text) for name, text in step.get("env", {}).items()}
        done = subprocess.run(
            words,
            cwd=self.workspace,
            env={**self._build_environ(files), **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=110,
        )
        self.log += done.stdout
        self.exit_codes[step["name"]] = done.returncode
        self.summary += (files / "summary.md").read_text() if (files / "summary.md").exists() else ""
        if "id" in step and (files / "output").exists():
            lines = (files / "output").read_text().splitlines()
            self.outputs[step["id"]] = dict(line.split("=", 1) for line in lines)

    def _build_environ(self, files: Path) -> dict[str, str]:
        ref = "refs/pull/7/merge" if self.event_name == "pull_request" else "refs/heads/main"
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            **GIT_ENVIRON,
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(REPOSITORY),
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_EVENT_NAME": self.event_name,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_REPOSITORY": "home/torrents",
            "GITHUB_REF": ref,
            "GITHUB_SERVER_URL": "https://forge.example",
            "GITHUB_RUN_ID": "42",
            "GITHUB_OUTPUT": str(files / "output"),
            "GITHUB_STEP_SUMMARY": str(files / "summary.md"),
            "GITHUB_PATH": str(files / "path"),
            "RUNNER_TEMP": str(self.folder / "temp"),
            **self.environ,
        }

    def _expand(self, text: str) -> str:
        return _EXPRESSION.sub(lambda match: self._evaluate(match[1]), text)

    def _evaluate(self, expression: str) -> str:
        """Return the value of `inputs.NAME` or `steps.ID.outputs.NAME`. The action uses nothing else."""
        kind, *names = expression.split(".")
        if kind == "inputs":
            (name,) = names
            default = load_yaml(ACTION)["inputs"][name]["default"]
            return self.inputs.get(name, "" if "${{" in default else default)
        assert kind == "steps" and names[1] == "outputs", expression
        return self.outputs.get(names[0], {}).get(names[2], "")

    def _holds(self, condition: str) -> bool:
        words = condition.split(" && ")
        has_failed = any(self.exit_codes.values())
        return ("always()" in words or not has_failed) and all(
            word.endswith("()") or self._evaluate(word) for word in words
        )


def make_inputs(**inputs: str) -> dict[str, str]:
    """Return inputs, with the interpreter of the tests in place of an installation."""
    return {"python": sys.executable, "token": "", **inputs}
