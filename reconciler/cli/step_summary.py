"""The job summary of a GitHub step: the Markdown report, appended to the file that `GITHUB_STEP_SUMMARY` names.

Forgejo and Gitea set the same variable.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Final

VARIABLE: Final = "GITHUB_STEP_SUMMARY"
MAX_BYTES: Final = 1 << 20  # of all that one step writes; GitHub shows nothing of a longer one


def append_step_summary(text: str, environ: Mapping[str, str]) -> str:
    """Append the text, if the variable is set. Return why it could not be written, or an empty string.

    A summary is a courtesy: that it cannot be written is no reason for a run to fail.
    """
    path = environ.get(VARIABLE)
    if not path:
        return ""
    data = f"{text.rstrip()}\n\n".encode()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "ab", buffering=0) as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return f"the job summary was not written: {path} is not a regular file"
            if status.st_size + len(data) > MAX_BYTES:
                return f"the job summary was not written: with it, {path} would be larger than 1 MiB"
            stream.write(data)
    except (OSError, ValueError) as error:
        return f"the job summary could not be written to {path}: {getattr(error, 'strerror', None) or error}"
    return ""
