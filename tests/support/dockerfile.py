"""A Dockerfile as data: its stages and their instructions, so that a test runs the very words that are in it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Template

SHOWN_ONLY = ("LABEL", "EXPOSE")  # they change nothing about what runs


@dataclass
class Stage:
    """From one FROM to the next."""

    base: str
    name: str | None = None
    steps: list[tuple[str, str]] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"


def read(text: str) -> list[Stage]:
    """The stages of a Dockerfile. What this does not understand fails."""
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for word, rest in _instructions(text):
        if word == "ARG" and not stages:
            name, _, default = rest.partition("=")
            arguments[name] = default
        elif word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(Template(base).substitute(arguments), name or None))
        else:
            _add(stages[-1], word, rest)
    return stages


def _add(stage: Stage, word: str, rest: str) -> None:
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
        stage.words[word] = json.loads(rest)
    elif word == "HEALTHCHECK":
        options, _, command = rest.partition("CMD ")
        stage.words[word] = json.loads(command)
        stage.words["HEALTHCHECK options"] = options.split()
    else:
        assert word in SHOWN_ONLY, f"nobody has taught this test what {word} means"


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for found in re.findall(r"(?:.*\\\n)*.*\n?", "\n".join(lines)):
        joined = " ".join(part.strip() for part in found.replace("\\\n", "\n").splitlines())
        if joined:
            word, _, rest = joined.partition(" ")
            yield word, rest.strip()


def expanded(environ: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """An ENV with `$PATH` and the like filled in."""
    return {**before, **{key: Template(value).substitute(before) for key, value in environ.items()}}
