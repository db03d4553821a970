"""`python -I -m reconciler.ci STEP`: one step of the action."""

from __future__ import annotations

import os
import sys

from reconciler.ci.event import ActionError
from reconciler.ci.job import open_job
from reconciler.ci.steps import STEPS
from reconciler.report.github import render_error

if __name__ == "__main__":
    try:
        sys.exit(STEPS[sys.argv[1]](open_job(os.environ)))
    except ActionError as error:
        print(render_error(str(error)))  # noqa: T201 - the log of the job
        sys.exit(4)
