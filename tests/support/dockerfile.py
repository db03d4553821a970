"""A Dockerfile as data: its stages and their instructions, so that a test runs exactly what it contains."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Template

METADATA_INSTRUCTIONS = ("LABEL", "EXPOSE")  # they change nothing about what runs


@dataclass
class BuildStage:
    """The instructions from one FROM to the next."""

    base: str
    name: str | None = None
    steps: list[tuple[str, str]] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    commands: dict[str, list[str]] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"


def parse_dockerfile(text: str) -> list[BuildStage]:
    """Return the stages of a Dockerfile. Fails for an unknown instruction."""
    arguments: dict[str, str] = {}
    stages: list[BuildStage] = []
    for word, rest in _split_instructions(text):
        if word == "ARG" and not stages:
            name, _, default = rest.partition("=")
            arguments[name] = default
        elif word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(BuildStage(Template(base).substitute(arguments), name or None))
        else:
            _apply_instruction(stages[-1], word, rest)
    return stages


def _apply_instruction(stage: BuildStage, word: str, rest: str) -> None:
    if word in ("RUN", "COPY"):
        stage.steps.append((word, rest))
    elif word == "WORKDIR":
        stage.steps.append((word, rest))
        stage.workdir = rest
    elif word == "ENV":
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            stage.environ[name] = value
    elif word == "USER":
        stage.user = rest
    elif word in ("ENTRYPOINT", "CMD"):
        stage.commands[word] = json.loads(rest)
    elif word == "HEALTHCHECK":
        options, _, command = rest.partition("CMD ")
        stage.commands[word] = json.loads(command)
        stage.commands["HEALTHCHECK options"] = options.split()
    else:
        assert word in METADATA_INSTRUCTIONS, f"nobody has taught this test what {word} means"


def _split_instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for instruction in re.findall(r"(?:.*\\\n)*.*\n?", "\n".join(lines)):
        joined = " ".join(line.strip() for line in instruction.replace("\\\n", "\n").splitlines())
        if joined:
            word, _, rest = joined.partition(" ")
            yield word, rest.strip()


def expand_environ(environ: Mapping[str, str], base: Mapping[str, str]) -> dict[str, str]:
    """An ENV with `$PATH` and the like filled in."""
    return {**base, **{key: Template(value).substitute(base) for key, value in environ.items()}}
