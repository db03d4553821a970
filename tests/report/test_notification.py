"""A message in words: what a person reads on a phone, and what a program gets."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.model.notification import ChangedTorrent, Issue, IssueKind, RunDigest
from reconciler.model.plan import Verb
from reconciler.report.notification import MAX_TEXT_LENGTH, MAX_TITLE_LENGTH, build_notification
from tests.support.example_runs import HOSTILE_NAME, PLAN_HASH

AT = datetime(2026, 1, 2, 12, tzinfo=UTC)
NOTHING = RunDigest(AT, "files", PLAN_HASH)
SINTEL = ChangedTorrent(Verb.ADD, "home", "Sintel")
DOWN = Issue(IssueKind.INSTANCE, "attic", "attic: no connection", 3, AT - timedelta(minutes=2))
REFUSED = Issue(IssueKind.GUARD, "home", "12 deletions are more than max_delete 10", 1, AT)
INVALID = Issue(IssueKind.FILES, "", "desired.yaml:3:5: unknown key", 1, AT)
ACTIONS = Issue(IssueKind.ACTIONS, "home", "failed: add Sintel: no", 3, AT)
CHANGED = replace(
    NOTHING, change_counts={Verb.ADD: 3, Verb.DELETE: 1}, changed_settings_count=1, changed_torrents=(SINTEL,)
)


def test_changes_are_counted_and_listed() -> None:
    notification = build_notification(CHANGED)
    assert notification.title == "reconcile: 3 added, 1 deleted, 1 setting changed"
    assert notification.text.splitlines() == [
        "3 added, 1 deleted, 1 setting changed:",
        "  added Sintel (home)",
        "  … and 3 more",
    ]


def test_issues_of_every_kind() -> None:
    notification = build_notification(replace(CHANGED, issues=(REFUSED, INVALID, DOWN, ACTIONS)))
    assert notification.title == (
        "reconcile: the guard refuses the plan of home; the desired state is invalid; attic cannot be reconciled; "
        "actions fail on home; 3 added, 1 deleted, 1 …"
    )
    assert notification.text.splitlines()[:6] == [
        "The guard refuses the plan of home: 12 deletions are more than max_delete 10",
        f"Nothing was done there. To approve exactly this plan: accept_plan: {PLAN_HASH}",
        "The desired state is invalid: desired.yaml:3:5: unknown key",
        "attic cannot be reconciled: no connection (3 times in a row since 2026-01-02 11:58 UTC)",
        "Actions fail on home: failed: add Sintel: no (3 times in a row since 2026-01-02 12:00 UTC)",
        "3 added, 1 deleted, 1 setting changed:",
    ]


def test_a_reminder_and_recoveries() -> None:
    notification = build_notification(
        replace(NOTHING, issues=(replace(DOWN, is_reminder=True),), recovered=(REFUSED, ACTIONS, INVALID))
    )
    assert notification.text.splitlines() == [
        "attic cannot be reconciled: no connection (still, since 2026-01-02 11:58 UTC)",
        "The guard no longer refuses the plan of home (it began 2026-01-02 12:00 UTC)",
        "Actions on home no longer fail (it began 2026-01-02 12:00 UTC)",
        "The desired state is valid again (it began 2026-01-02 12:00 UTC)",
    ]


def test_the_json_document() -> None:
    notification = build_notification(replace(CHANGED, issues=(REFUSED, DOWN), recovered=(ACTIONS,)))
    assert json.loads(notification.document) == {
        "format_version": 1,
        "title": notification.title,
        "text": notification.text,
        "events": ["refused", "failing", "recovered", "changed"],
        "at": "2026-01-02T12:00:00.000Z",
        "trigger": "files",
        "plan_hash": PLAN_HASH,
        "changes": {"add": 3, "adopt": 0, "update": 0, "delete": 1, "settings": 1},
        "torrents": [{"verb": "add", "instance": "home", "name": "Sintel"}],
        "troubles": [
            {
                "about": "guard",
                "instance": "home",
                "reason": "12 deletions are more than max_delete 10",
                "tries": 1,
                "since": "2026-01-02T12:00:00.000Z",
                "reminder": False,
            },
            {
                "about": "instance",
                "instance": "attic",
                "reason": "attic: no connection",
                "tries": 3,
                "since": "2026-01-02T11:58:00.000Z",
                "reminder": False,
            },
        ],
        "recovered": [
            {
                "about": "actions",
                "instance": "home",
                "reason": "failed: add Sintel: no",
                "tries": 3,
                "since": "2026-01-02T12:00:00.000Z",
                "reminder": False,
            }
        ],
    }


def test_a_name_contains_no_active_mention_or_link() -> None:
    names = (HOSTILE_NAME, "@everyone", "<!channel>", "[win](http://x.example)", "https://x.example/y")
    notification = build_notification(
        replace(CHANGED, changed_torrents=tuple(ChangedTorrent(Verb.ADD, "home", name) for name in names))
    )
    for alive in ("@everyone", "@team", "<!channel", "](", "://", "\x1b", "\u202e", "<img", "\ud800"):
        assert alive not in notification.text + notification.title
    assert notification.document.isascii()


def test_a_long_notification_fits_into_one_chat_message() -> None:
    long = replace(REFUSED, reason="x" * 5_000)
    many = tuple(replace(long, instance=f"{n}-{'i' * 50}") for n in range(100))
    notification = build_notification(
        replace(
            CHANGED, issues=many, changed_torrents=tuple(ChangedTorrent(Verb.ADD, "home", "n" * 500) for _ in "12345")
        )
    )
    assert (
        len(notification.title) <= MAX_TITLE_LENGTH
        and len(notification.text) <= MAX_TEXT_LENGTH
        and MAX_TITLE_LENGTH + MAX_TEXT_LENGTH < 2_000
    )
    document = json.loads(notification.document)
    assert len(document["troubles"]) == 100, "a program gets all of them"
    assert len(document["troubles"][0]["reason"]) == 300
    assert len(document["torrents"][0]["name"]) == 80


def test_torrents_that_do_not_work_and_work_again() -> None:
    faulty = Issue(IssueKind.TORRENTS, "home", "Sintel: its files are missing", 1, AT)
    waiting = Issue(IssueKind.METADATA, "home", "Sintel: no metadata yet", 1, AT)
    notification = build_notification(replace(NOTHING, issues=(faulty, waiting)))
    assert notification.text.splitlines() == [
        "Torrents cannot run on home: Sintel: its files are missing",
        "Torrents get no metadata on home: Sintel: no metadata yet",
    ]
    assert json.loads(notification.document)["events"] == ["failing"]
    notification = build_notification(replace(NOTHING, recovered=(faulty, waiting)))
    assert notification.text.splitlines() == [
        "Torrents on home can run again (it began 2026-01-02 12:00 UTC)",
        "Torrents on home have their metadata (it began 2026-01-02 12:00 UTC)",
    ]
