"""Notifications about a run: short enough for a phone, and safe for the chat that shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from reconciler.model.notification import Issue, IssueKind, Notification, RunDigest
from reconciler.model.plan import Verb
from reconciler.report.json.common import FORMAT_VERSION, iso_utc
from reconciler.report.phrases import strip_instance_prefix
from reconciler.report.sanitize import sanitize_text, truncate_text
from reconciler.report.summary import APPLIED_FORMS
from reconciler.report.text.problems import format_count

MAX_REASON_LENGTH: Final = 300  # characters
MAX_TEXT_LENGTH: Final = 1_700  # characters; with the title it fits into one message of any chat (Discord: 2,000)
MAX_TITLE_LENGTH: Final = 150  # characters
_MAX_NAME_LENGTH: Final = 80  # characters
_ACTIVE_MARKUP: Final = re.compile(r"[@<]|\](?=\()|:(?=//)")  # @everyone, <!channel>, [a link](x), https://…
_ISSUE_TEXTS: Final = {
    IssueKind.GUARD: "the guard refuses the plan of {}",
    IssueKind.FILES: "the desired state is invalid",
    IssueKind.INSTANCE: "{} cannot be reconciled",
    IssueKind.ACTIONS: "actions fail on {}",
    IssueKind.TORRENTS: "torrents cannot run on {}",
    IssueKind.METADATA: "torrents get no metadata on {}",
}
_RECOVERY_TEXTS: Final = {
    IssueKind.GUARD: "the guard no longer refuses the plan of {}",
    IssueKind.FILES: "the desired state is valid again",
    IssueKind.INSTANCE: "{} is back",
    IssueKind.ACTIONS: "actions on {} no longer fail",
    IssueKind.TORRENTS: "torrents on {} can run again",
    IssueKind.METADATA: "torrents on {} have their metadata",
}


def build_notification(digest: RunDigest) -> Notification:
    """Return the notification, as text and as a JSON document."""
    title = truncate_text("reconcile: " + "; ".join(_iter_headlines(digest)), MAX_TITLE_LENGTH)
    text = truncate_text("\n".join(_iter_lines(digest)), MAX_TEXT_LENGTH)
    return Notification(title, text, json.dumps(_document_json(digest, title, text), ensure_ascii=True).encode("ascii"))


def _iter_headlines(digest: RunDigest) -> Iterator[str]:
    for templates, issues in ((_ISSUE_TEXTS, digest.issues), (_RECOVERY_TEXTS, digest.recovered)):
        for kind, template in templates.items():
            names = [issue.instance for issue in issues if issue.kind is kind]
            if names:
                yield template.format(_sanitize_for_chat(", ".join(names)))
    if digest.change_counts or digest.changed_settings_count:
        yield _changes_text(digest)


def _iter_lines(digest: RunDigest) -> Iterator[str]:
    refusals = [issue for issue in digest.issues if issue.kind is IssueKind.GUARD]
    for issue in refusals:
        yield f"{_issue_text(_ISSUE_TEXTS, issue)}: {_issue_reason(issue)}{_repeat_text(issue)}"
    if refusals:
        yield f"Nothing was done there. To approve exactly this plan: accept_plan: {digest.plan_hash}"
    for issue in digest.issues:
        if issue not in refusals:
            yield f"{_issue_text(_ISSUE_TEXTS, issue)}: {_issue_reason(issue)}{_repeat_text(issue)}"
    for issue in digest.recovered:
        yield f"{_issue_text(_RECOVERY_TEXTS, issue)} (it began {_format_time(issue.since)})"
    if digest.change_counts or digest.changed_settings_count:
        yield f"{_changes_text(digest)}:" if digest.changed_torrents else _changes_text(digest)
        for torrent in digest.changed_torrents:
            name = _sanitize_for_chat(truncate_text(torrent.name, _MAX_NAME_LENGTH))
            yield f"  {APPLIED_FORMS[torrent.verb]} {name} ({_sanitize_for_chat(torrent.instance)})"
        if more := sum(digest.change_counts.values()) - len(digest.changed_torrents):
            yield f"  … and {more:,} more"


def _document_json(digest: RunDigest, title: str, text: str) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "title": title,
        "text": text,
        "events": _list_events(digest),
        "at": iso_utc(digest.finished_at),
        "trigger": digest.trigger,
        "plan_hash": digest.plan_hash,
        "changes": {
            **{str(verb): digest.change_counts.get(verb, 0) for verb in Verb},
            "settings": digest.changed_settings_count,
        },
        "torrents": [
            {
                "verb": str(torrent.verb),
                "instance": torrent.instance,
                "name": truncate_text(sanitize_text(torrent.name), _MAX_NAME_LENGTH),
            }
            for torrent in digest.changed_torrents
        ],
        "troubles": [_issue_json(issue) for issue in digest.issues],
        "recovered": [_issue_json(issue) for issue in digest.recovered],
    }


def _list_events(digest: RunDigest) -> list[str]:
    """Return the kinds of events, for programs that filter notifications."""
    events = {"refused" if issue.kind is IssueKind.GUARD else "failing" for issue in digest.issues}
    events |= {"recovered"} if digest.recovered else set()
    events |= {"changed"} if digest.change_counts or digest.changed_settings_count else set()
    return [event for event in ("refused", "failing", "recovered", "changed") if event in events]


def _issue_json(issue: Issue) -> dict[str, object]:
    return {
        "about": str(issue.kind),
        "instance": issue.instance or None,
        "reason": truncate_text(sanitize_text(issue.reason), MAX_REASON_LENGTH),
        "tries": issue.failure_count,
        "since": iso_utc(issue.since),
        "reminder": issue.is_reminder,
    }


def _changes_text(digest: RunDigest) -> str:
    words = [
        f"{digest.change_counts[verb]:,} {done}"
        for verb, done in APPLIED_FORMS.items()
        if digest.change_counts.get(verb)
    ]
    words += (
        [f"{format_count(digest.changed_settings_count, 'setting')} changed"] if digest.changed_settings_count else []
    )
    return ", ".join(words)


def _issue_text(templates: dict[IssueKind, str], issue: Issue) -> str:
    text = templates[issue.kind].format(_sanitize_for_chat(issue.instance))
    return text if issue.kind is IssueKind.INSTANCE else text[0].upper() + text[1:]


def _issue_reason(issue: Issue) -> str:
    return _sanitize_for_chat(truncate_text(strip_instance_prefix(issue.instance, issue.reason), MAX_REASON_LENGTH))


def _repeat_text(issue: Issue) -> str:
    if issue.is_reminder:
        return f" (still, since {_format_time(issue.since)})"
    return (
        f" ({issue.failure_count} times in a row since {_format_time(issue.since)})" if issue.failure_count > 1 else ""
    )


def _sanitize_for_chat(text: str) -> str:
    """Return text without active mentions and links. It may come from a torrent."""
    return _ACTIVE_MARKUP.sub("\\g<0>\u200b", sanitize_text(text))


def _format_time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
