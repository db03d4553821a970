"""Jobs of a runner, as the variables and files that it makes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.git import GIT_ENVIRON


def make_environ(folder: Path, event: Mapping[str, Any], name: str = "pull_request") -> dict[str, str]:
    """Return the environment of a step of a job with this event, whose workspace is `folder/work`."""
    (folder / "work").mkdir(exist_ok=True)
    (folder / "event.json").write_text(json.dumps(event))
    return {
        "PATH": os.environ["PATH"],
        "HOME_PASSWORD": "secret-of-home",
        **GIT_ENVIRON,
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_REPOSITORY": "home/torrents",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_WORKSPACE": str(folder / "work"),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "RUNNER_TEMP": str(folder / "temp"),
    }
