"""The command lines of the documentation that no test carries out, and the parser of all others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Final

import typer
from typer.core import TyperGroup

from reconciler.cli.main import build_program

ZERO_HASH: Final = "sha256:" + "0" * 64
OUTSIDE: Final[Mapping[str, str]] = MappingProxyType(
    {
        r"(sudo )?(docker|kubectl|kustomize|systemctl) ": "needs containers, a cluster or systemd; see tests/deploy",
        r"(echo QBT_LEGAL_NOTICE=|install -d |cp -r deploy/)": "prepares a container or a cluster",
        r"(sudo )?(install|python3 -m venv) |export PATH=": "installs something on this machine",
        r"token=\$\(openssl|openssl rand|curl ": "needs a program that not every machine has",
        r"make \w+|\.venv/bin/": "is for contributors, who run it each time",
        r"read -rs ": "asks a person for a password; the test knows it",
        r"unzip ": "unpacks an archive of another program; the test writes its content",
        r".* \| jq |.*\./publish\.sh": "needs a program of the reader",
    }
)
"""Patterns of the beginning of a command line, each with the reason why no test carries it out."""


def find_outside_reason(text: str) -> str | None:
    """Return the reason why no test carries out a command line, or None if one must."""
    return next((reason for pattern, reason in OUTSIDE.items() if re.match(pattern, text)), None)


def find_arguments(words: Sequence[str]) -> list[str] | None:
    """Return the arguments that a simple command passes to `reconcile`, here or in a container; None without one."""
    names = [index for index, word in enumerate(words) if re.fullmatch(r"(\S*/)?reconcile|qbt-reconciler(:\w+)?", word)]
    is_call = words[0] in ("docker", "kubectl", "sudo") or names[:1] == [0]
    is_command = not {"build", "logs", "install", "create", "edit", "apply", "set"} & set(words[1:3])
    return list(words[names[-1] + 1 :]) if names and is_call and is_command else None


def parse_arguments(arguments: Sequence[str]) -> None:
    """Parse the arguments of `reconcile` as the program does, without running it. Raises its error."""
    group = _get_group()
    try:
        context = group.make_context("reconcile", [text.replace("sha256:…", ZERO_HASH) for text in arguments])
    except typer.Exit:  # --version
        return
    names = [*context._protected_args, *context.args]
    if names:
        name, command, rest = group.resolve_command(context, names)
        assert name and command
        command.make_context(name, rest, parent=context)


@cache
def _get_group() -> TyperGroup:
    group = build_program()
    assert isinstance(group, TyperGroup)
    return group
