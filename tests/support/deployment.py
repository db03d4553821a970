"""The arguments and the environment of a manifest, as our own command parses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import build_program, run_command_line
from reconciler.cli.settings import RunSettings, Settings
from tests.support import dockerfile

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"


def read_image_environ() -> dict[str, str]:
    """Return the environment variables of ours that the image sets."""
    (*_, last) = dockerfile.parse_dockerfile((REPOSITORY / "Dockerfile").read_text(encoding="utf-8"))
    return {key: value for key, value in last.environ.items() if key.startswith("RECONCILE_")}


def read_image_command() -> list[str]:
    """Return the default arguments of the image, without the name of the command."""
    (*_, last) = dockerfile.parse_dockerfile((REPOSITORY / "Dockerfile").read_text(encoding="utf-8"))
    return last.commands["CMD"]


def parse_watch_command(
    words: Sequence[str], environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> tuple[Settings, RunSettings]:
    """Return the watch that these arguments start. Fails for a variable that no option reads."""
    starts: list[tuple[Settings, RunSettings]] = []

    def watch(settings: Settings, options: RunSettings) -> int:
        starts.append((settings, options))
        return 0

    ours = {key: value for key, value in environ.items() if key.startswith("RECONCILE_")}
    command: Any = build_program()
    variables = {parameter.envvar for parameter in command.params}
    assert set(ours) - variables == set()
    with monkeypatch.context() as patch:
        patch.setattr("reconciler.cli.commands.watch.watch_command", watch)
        for key, value in ours.items():
            patch.setenv(key, value)
        assert run_command_line(words) == 0
    (started,) = starts
    return started


def list_registry_images(text: str) -> list[str]:
    """Return the images in a text whose names begin with the host of a registry."""
    images = [line.split("image:")[1].split("#")[0].strip() for line in text.splitlines() if "image: " in line]
    return [image for image in images if "/" in image and any(sign in image.split("/")[0] for sign in ".:")]
