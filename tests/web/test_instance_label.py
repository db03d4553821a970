"""The state of an instance in a word or two."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.plan import GuardVerdict, Outcome
from reconciler.model.run import ActionResult, InstanceResult, Status
from reconciler.web.instance_label import label_instance
from reconciler.web.loop_view import InstanceView
from tests.support.example_runs import ADD_ACTION, FAULTS, make_instance_result
from tests.support.status_site import BACKOFF

OK = make_instance_result("home", unchanged=3)
EMPTY = make_instance_result("home", owned=0, foreign=8_000)


def read(result: InstanceResult) -> InstanceView:
    """An instance as the last run left it."""
    return InstanceView("home", result=result, is_current=True)


@pytest.mark.parametrize(
    ("view", "text", "tone"),
    [
        (InstanceView("home"), "not read yet", "wait"),
        (read(OK), "in sync", "good"),
        (read(EMPTY), "no torrent is ours", "wait"),
        (read(replace(OK, results=(ActionResult(ADD_ACTION, Outcome.APPLIED),))), "in sync", "good"),
        (read(replace(OK, results=(ActionResult(ADD_ACTION, Outcome.DEFERRED),))), "changes pending", "wait"),
        (read(replace(OK, results=(ActionResult(ADD_ACTION, Outcome.FAILED),))), "needs attention", "bad"),
        (read(replace(OK, faults=FAULTS[:1])), "needs attention", "bad"),
        (read(replace(OK, faults=FAULTS[2:])), "in sync, with faults", "wait"),
        (read(replace(OK, verdict=GuardVerdict(True, ("too many",)))), "refused by the guard", "bad"),
        (read(replace(OK, status=Status.SUSPENDED)), "suspended", "wait"),
        (read(replace(OK, status=Status.UNHEALTHY)), "unhealthy", "bad"),
        (read(InstanceResult("home", Status.BANNED, "banned")), "banned", "bad"),
        (InstanceView("home", backoff=BACKOFF), "unreachable", "bad"),
        (InstanceView("home", backoff=replace(BACKOFF, status=Status.AUTH_FAILED)), "credentials refused", "bad"),
    ],
)
def test_label(view: InstanceView, text: str, tone: str) -> None:
    label = label_instance(view)
    assert (label.text, label.tone) == (text, tone)
