"""A message to people in words: short enough for a phone, harmless for whatever shows it."""

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

MAX_REASON_LENGTH: Final = 300  # characters of a reason
MAX_TEXT_LENGTH: Final = (
    1_700  # characters: with the title it goes into one message of every usual chat (Discord takes 2,000)
)
MAX_TITLE_LENGTH: Final = 150
_MAX_NAME_LENGTH: Final = 80  # characters of a torrent's name
_ACTIVE_MARKUP: Final = re.compile(r"[@<]|\](?=\()|:(?=//)")  # @everyone, <!channel>, [a link](x), https://…
_ISSUE_TEXTS: Final = {
    IssueKind.GUARD: "the guard refuses the plan of {}",
    IssueKind.FILES: "the desired state is invalid",
    IssueKind.INSTANCE: "{} cannot be reconciled",
    IssueKind.ACTIONS: "actions fail on {}",
}
_RECOVERY_TEXTS: Final = {
    IssueKind.GUARD: "the guard no longer refuses the plan of {}",
    IssueKind.FILES: "the desired state is valid again",
    IssueKind.INSTANCE: "{} is back",
    IssueKind.ACTIONS: "nothing fails on {} any more",
}


def build_notification(digest: RunDigest) -> Notification:
    """The message in words and as a document."""
    title = truncate_text("reconcile: " + "; ".join(_iter_headlines(digest)), MAX_TITLE_LENGTH)
    text = truncate_text("\n".join(_iter_lines(digest)), MAX_TEXT_LENGTH)
    return Notification(title, text, json.dumps(_document_json(digest, title, text), ensure_ascii=True).encode("ascii"))


def _iter_headlines(digest: RunDigest) -> Iterator[str]:
    for wordings, troubles in ((_ISSUE_TEXTS, digest.issues), (_RECOVERY_TEXTS, digest.recovered)):
        for about, wording in wordings.items():
            names = [one.instance for one in troubles if one.kind is about]
            if names:
                yield wording.format(_sanitize_for_chat(", ".join(names)))
    if digest.change_counts or digest.changed_settings_count:
        yield _changes_text(digest)


def _iter_lines(digest: RunDigest) -> Iterator[str]:
    refused = [one for one in digest.issues if one.kind is IssueKind.GUARD]
    for one in refused:
        yield f"{_issue_text(_ISSUE_TEXTS, one)}: {_issue_reason(one)}{_repeat_text(one)}"
    if refused:
        yield f"Nothing was done there. To approve exactly this plan: accept_plan: {digest.plan_hash}"
    for one in digest.issues:
        if one not in refused:
            yield f"{_issue_text(_ISSUE_TEXTS, one)}: {_issue_reason(one)}{_repeat_text(one)}"
    for one in digest.recovered:
        yield f"{_issue_text(_RECOVERY_TEXTS, one)} (it began {_format_time(one.since)})"
    if digest.change_counts or digest.changed_settings_count:
        yield f"{_changes_text(digest)}:" if digest.changed_torrents else _changes_text(digest)
        for torrent in digest.changed_torrents:
            yield f"  {APPLIED_FORMS[torrent.verb]} {_sanitize_for_chat(truncate_text(torrent.name, _MAX_NAME_LENGTH))} ({_sanitize_for_chat(torrent.instance)})"
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
                "verb": str(one.verb),
                "instance": one.instance,
                "name": truncate_text(sanitize_text(one.name), _MAX_NAME_LENGTH),
            }
            for one in digest.changed_torrents
        ],
        "troubles": [_issue_json(one) for one in digest.issues],
        "recovered": [_issue_json(one) for one in digest.recovered],
    }


def _list_events(digest: RunDigest) -> list[str]:
    """What it is about, for a program that chooses."""
    found = {"refused" if one.kind is IssueKind.GUARD else "failing" for one in digest.issues}
    found |= {"recovered"} if digest.recovered else set()
    found |= {"changed"} if digest.change_counts or digest.changed_settings_count else set()
    return [event for event in ("refused", "failing", "recovered", "changed") if event in found]


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


def _issue_text(wordings: dict[IssueKind, str], issue: Issue) -> str:
    text = wordings[issue.kind].format(_sanitize_for_chat(issue.instance))
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
    """Text in which a chat finds nobody to call and no link to make: it may come from a torrent."""
    return _ACTIVE_MARKUP.sub("\\g<0>\u200b", sanitize_text(text))


def _format_time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
