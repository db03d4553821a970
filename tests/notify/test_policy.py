"""The notification policy as sequences of runs, each with the notification that it causes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.engine.events import Backoff, FinishedRun
from reconciler.model.notification import RunDigest
from reconciler.model.plan import GuardVerdict, ObjectKind, Outcome, Verb
from reconciler.model.position import Problem
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.notify.policy import MAX_TORRENTS_SHOWN, NotificationState, decide_notification
from tests.support.example_runs import (
    ACTIONS,
    ADD_ACTION,
    DELETE_ACTION,
    FAULTS,
    PLAN_HASH,
    STUCK_FAULT,
    make_instance_result,
    make_position,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PROBLEM = Problem(make_position(3), "E030", "unknown key", "Remove it")
WELL = make_instance_result("home")


def down(reason: str = "no connection", status: Status = Status.UNREACHABLE) -> InstanceResult:
    return InstanceResult("home", status, reason)


def refused(reason: str = "12 deletions are more than max_delete 10") -> InstanceResult:
    return make_instance_result(
        "home", (ActionResult(DELETE_ACTION, Outcome.PLANNED),), verdict=GuardVerdict(True, (reason,))
    )


def did(*outcomes: Outcome) -> InstanceResult:
    """The instance after actions on torrents that ended like this."""
    torrents = [action for action in ACTIONS if action.kind is ObjectKind.TORRENT]
    return make_instance_result(
        "home", tuple(ActionResult(torrents[n], outcome, "no") for n, outcome in enumerate(outcomes))
    )


FAILED, BLOCKED = did(Outcome.FAILED), did(Outcome.BLOCKED)
FAULTY, WAITING = make_instance_result("home", faults=FAULTS[:2]), make_instance_result("home", faults=FAULTS[2:])
STUCK = make_instance_result("home", faults=(STUCK_FAULT,))
DEFERRED, PLANNED = did(Outcome.DEFERRED), did(Outcome.PLANNED)


class Story:
    """A sequence of runs, and the issues that each notified: `about reason` of a start, `-about` of an end."""

    def __init__(self, declared: Sequence[str] = ("home", "attic")) -> None:
        self.state = NotificationState()
        self.declared = declared
        self.waiting: dict[str, Backoff] = {}
        self.messages: list[RunDigest | None] = []

    def run(self, minutes: float, *results: InstanceResult, problems: tuple[Problem, ...] = ()) -> RunDigest | None:
        """A run after so many minutes. An instance in trouble is in it the first time, and then tried between runs."""
        shown = [result for result in results if result.status is Status.OK or result.name not in self.waiting]
        for result in results:
            before = self.waiting.pop(result.name, None)
            if result.status is not Status.OK:
                failures = before.failures + 1 if before else 1
                self.waiting[result.name] = Backoff(failures, result.error or "", BEGIN, result.status)
        run = Run(RunMode.APPLY, PLAN_HASH, 0, tuple(shown))
        finished = FinishedRun(run, "interval", BEGIN + minutes * MINUTE, 0.5, problems, dict(self.waiting))
        self.state, message = decide_notification(self.state, finished, self.declared, MINUTE)
        self.messages.append(message)
        return message

    @property
    def said(self) -> list[str]:
        return [words(message) for message in self.messages]


def words(message: RunDigest | None) -> str:
    if message is None:
        return ""
    parts = [f"{issue.kind}{' still' if issue.is_reminder else ''}" for issue in message.issues]
    parts += [f"-{issue.kind}" for issue in message.recovered]
    parts += [f"{verb}:{count}" for verb, count in message.change_counts.items()]
    return " ".join(parts + ([f"settings:{message.changed_settings_count}"] if message.changed_settings_count else []))


STORIES: dict[str, tuple[list[tuple[float, InstanceResult | None]], list[str]]] = {
    "nothing happens": ([(0, WELL), (1, WELL)], ["", ""]),
    "a change": ([(0, did(Outcome.APPLIED)), (1, WELL)], ["add:1", ""]),
    "a plan is no change": ([(0, PLANNED), (1, PLANNED), (2, PLANNED), (3, PLANNED)], [""] * 4),
    "a restart of qBittorrent": ([(0, down()), (0.1, down()), (0.2, down()), (0.4, WELL)], [""] * 4),
    "two failures are not reported, however long they last": ([(0, down()), (9, down()), (10, WELL)], [""] * 3),
    "it lasts, and ends": (
        [(0, down()), (0.5, down()), (1, down()), (2, down()), (3, WELL), (4, WELL)],
        ["", "", "instance", "", "-instance", ""],
    ),
    "a lasting issue is reported again after a day": (
        [(0, down()), (1, down()), (2, down()), (60, down()), (1443, down()), (1450, down()), (1460, WELL)],
        ["", "", "instance", "", "instance still", "", "-instance"],
    ),
    "a run without a try counts as none": (
        [(0, down()), (0.5, down()), (1, None), (2, None), (3, down()), (4, None), (5, WELL)],
        ["", "", "", "", "instance", "", "-instance"],
    ),
    "an issue that needs a person is reported at once": (
        [(0, down("no", Status.AUTH_FAILED)), (1, WELL)],
        ["instance", "-instance"],
    ),
    "and when it begins to need one": (
        [(0, down()), (1, down()), (2, down()), (3, down("no", Status.BANNED)), (4, down("no", Status.BANNED))],
        ["", "", "instance", "instance still", ""],
    ),
    "a refusal and its end are reported at once": (
        [(0, refused()), (1, refused("13")), (2, WELL)],
        ["guard", "", "-guard"],
    ),
    "an instance that is down does not end the issues of its plan": (
        [(0, refused()), (1, down()), (2, refused()), (3, WELL)],
        ["guard", "", "", "-guard"],
    ),
    "actions that fail": (
        [(0, FAILED), (1, DEFERRED), (2, FAILED), (3, DEFERRED), (4, FAILED), (5, DEFERRED), (6, WELL)],
        ["", "", "", "", "actions", "", "-actions"],
    ),
    "and fail less often": ([(0, FAILED), (1, WELL), (2, FAILED), (3, WELL), (4, FAILED)], [""] * 5),
    "what is not executed has not come right": (
        [(0, FAILED), (1, FAILED), (2, FAILED), (3, PLANNED), (4, WELL)],
        ["", "", "actions", "", "-actions"],
    ),
    "torrents that cannot run": (
        [(0, FAULTY), (1, FAULTY), (2, FAULTY), (3, FAULTY), (4, WELL)],
        ["", "", "torrents", "", "-torrents"],
    ),
    "torrents that get no metadata for too long": (
        [(0, WAITING), (59, WAITING), (61, STUCK), (62, STUCK), (63, WELL)],
        ["", "", "metadata", "", "-metadata"],
    ),
    "an instance that is down does not end a wait": ([(0, STUCK), (30, down()), (61, STUCK)], ["metadata", "", ""]),
    "what waits for a person": ([(n, BLOCKED) for n in range(4)], ["", "", "actions", ""]),
}


@pytest.mark.parametrize("name", STORIES)
def test_stories(name: str) -> None:
    steps, said = STORIES[name]
    story = Story()
    for minutes, result in steps:
        story.run(minutes, *([result] if result else []))
    assert story.said == said


def test_one_message_for_everything_in_a_run() -> None:
    story = Story()
    story.run(0, refused(), make_instance_result("attic", did(Outcome.APPLIED).results), problems=(PROBLEM, PROBLEM))
    assert story.said == ["guard files add:1"]
    (message,) = story.messages
    assert message and message.plan_hash == PLAN_HASH and message.trigger == "interval"
    assert [(issue.instance, issue.failure_count, issue.since) for issue in message.issues] == [
        ("home", 1, message.finished_at),
        ("", 1, message.finished_at),
    ]
    assert message.issues[1].reason == f"{PROBLEM} (and 1 more)"
    assert [(torrent.instance, torrent.name) for torrent in message.changed_torrents] == [("attic", "Sintel")]


def test_invalid_files_are_reported_at_once_and_when_they_are_valid_again() -> None:
    story = Story()
    for minutes, problems in enumerate(((), (PROBLEM,), (PROBLEM,), ())):
        story.run(minutes, WELL, problems=problems)
    assert story.said == ["", "files", "", "-files"]


def test_each_instance_has_its_own_issue() -> None:
    story = Story()
    for minutes in range(3):
        story.run(minutes, down(), InstanceResult("attic", Status.UNREACHABLE, "no route"))
    story.run(4, WELL, InstanceResult("attic", Status.UNREACHABLE, "no route"))
    story.run(5, WELL, make_instance_result("attic"))
    assert story.said == ["", "", "instance instance", "-instance", "-instance"]
    last = story.messages[2]
    assert last and [(issue.instance, issue.reason, issue.failure_count) for issue in last.issues] == [
        ("attic", "no route", 3),
        ("home", "no connection", 3),
    ]


def test_removed_instance_is_dropped_without_a_report() -> None:
    story = Story()
    for minutes in range(3):
        story.run(minutes, down())
    story.declared = ("attic",)
    story.run(4, make_instance_result("attic"))
    story.declared = ("attic", "home")
    story.run(5, WELL)
    assert story.said == ["", "", "instance", "", ""]


def test_few_torrents_are_named_and_all_are_counted() -> None:
    action = ActionResult(ADD_ACTION, Outcome.APPLIED)
    setting = ActionResult(ACTIONS[2], Outcome.APPLIED)
    message = Story().run(0, make_instance_result("home", (setting, *(action for _ in range(MAX_TORRENTS_SHOWN + 5)))))
    assert (
        message and message.change_counts == {Verb.ADD: MAX_TORRENTS_SHOWN + 5} and message.changed_settings_count == 1
    )
    assert len(message.changed_torrents) == MAX_TORRENTS_SHOWN
