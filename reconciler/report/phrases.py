"""Words, symbols and values that several reports share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from reconciler.model.fields.names import FILES, OWNER
from reconciler.model.fields.registry import to_declared_value
from reconciler.model.lease import LeaseMark
from reconciler.model.links import TRACKERS
from reconciler.model.plan import (
    Action,
    Change,
    DeleteTorrent,
    EndlessChange,
    FieldValue,
    ObjectKind,
    Outcome,
    TorrentFault,
    Verb,
)
from reconciler.model.run import InstanceResult, Run, SnapshotAge
from reconciler.report.blast import is_last_copy, is_quarantine
from reconciler.report.text.lines import Span, Style

NO_VALUE_TEXT: Final = "(none)"
MAX_FILES: Final = 3  # of each priority
_VERB_FORMS: Final = {
    Verb.ADD: ("+", "add", "added", Style.ADD),
    Verb.ADOPT: (">", "adopt", "adopted", Style.ADOPT),
    Verb.UPDATE: ("~", "update", "updated", Style.CHANGE),
    Verb.DELETE: ("-", "delete", "deleted", Style.DELETE),
}
_OUTCOME_SYMBOLS: Final = {
    Outcome.FAILED: ("!", Style.DELETE),
    Outcome.BLOCKED: ("!", Style.DELETE),
    Outcome.DROPPED: ("x", Style.CHANGE),
    Outcome.DEFERRED: ("*", Style.CHANGE),
}


def describe_mark(mark: LeaseMark) -> str:
    """Return another desired state that changes an instance, as words."""
    return f'owner "{mark.owner}", as {mark.instance}, since {mark.since:%Y-%m-%d}'


def snapshot_age_text(age: SnapshotAge) -> str:
    """Return how old the snapshot is that a plan rests on, as a sentence."""
    from humanize import naturaldelta  # only here: most runs read the instances

    at = f"{age.taken_at:%Y-%m-%d %H:%M} UTC"
    if age.seconds < -60:
        return f"Planned against a snapshot of {at}, which is in the future by the clock of this machine."
    return f"Planned against a snapshot that is {naturaldelta(max(age.seconds, 0.0))} old, of {at}."


def suspension_text(until: datetime | None) -> str:
    """Return `suspended`, with the time at which it ends by itself, if it does."""
    return f"suspended until {until:%Y-%m-%d %H:%M} UTC" if until else "suspended"


def acceptance_text(run: Run) -> str:
    """Return as a sentence if the plan of a run is the one that a person has accepted for it."""
    if run.accepted_plan == run.plan_hash:
        return "A person has accepted exactly this plan."
    return f"A person has accepted another plan, which counts for nothing now: {run.accepted_plan}"


def outcome_symbol(verb: Verb, outcome: Outcome) -> Span:
    """Return the symbol of a verb with its outcome."""
    if outcome in _OUTCOME_SYMBOLS:
        return _OUTCOME_SYMBOLS[outcome]
    symbol, _, _, style = _VERB_FORMS[verb]
    return symbol, style


def fault_symbol(fault: TorrentFault) -> Span:
    """Return the symbol of a fault: that of a problem, or of something that may pass."""
    return _OUTCOME_SYMBOLS[Outcome.BLOCKED if fault.is_serious else Outcome.DEFERRED]


def refusal_reasons(refused: Sequence[InstanceResult]) -> Iterator[str]:
    """Return the reasons of the guard, each with its instance."""
    for instance in refused:
        for reason in instance.verdict.reasons:
            yield f"{instance.name}: {reason}"


def fault_count_text(faults: Sequence[TorrentFault]) -> str:
    """Return `1 fault`, `3 faults, 1 waiting for metadata` and the like, or an empty string."""
    counts = Counter(fault.label for fault in faults)
    number = counts["fault"]
    words = {f"fault{'' if number == 1 else 's'}": number}
    words |= {"without metadata": counts["deferred"], "waiting for metadata": counts["waiting"]}
    return ", ".join(f"{count:,} {word}" for word, count in words.items() if count)


def verb_symbol(action: Action, outcome: Outcome) -> tuple[str, str, Style]:
    """Return the symbol, word and style at the beginning of an action's line."""
    if outcome in _OUTCOME_SYMBOLS:
        symbol, style = _OUTCOME_SYMBOLS[outcome]
        return symbol, str(outcome), style
    symbol, present, past, style = _VERB_FORMS[action.verb]
    return symbol, past if outcome is Outcome.APPLIED else present, style


def subject_text(action: Action) -> str:
    """Return the first ten characters of the infohash, or the kind of setting."""
    return (action.infohash or "")[:10] if action.kind is ObjectKind.TORRENT else str(action.kind)


def warning_label(action: Action, outcome: Outcome) -> str:
    """Return the effect of an action that nobody may overlook, or an empty string."""
    if isinstance(action, DeleteTorrent) and action.delete_files:
        return "its data to the trash" if action.blast and action.blast.to_trash else "with its data"
    if is_quarantine(action):
        return "into quarantine"
    return "moves data" if action.disruptive else ""


def visible_changes(action: Action) -> list[Change]:
    """Return the changes to show: all but the owner that every add and adoption sets."""
    return [
        change for change in action.changes if change.field != OWNER or (change.before and change.after is not None)
    ]


def change_text(change: Change) -> str:
    """Return `category: linux → films`."""
    return f"{change.field}: {change_value_text(change)}"


def change_value_text(change: Change) -> str:
    """Return `linux → films`. Lists show added and removed items, files their new priorities.

    Trackers that are replaced may look the same as the new ones without their passkeys.
    """
    before, after = change.before, change.after
    if change.field == FILES and isinstance(after, tuple):
        return _files_text(after)
    if change.field == TRACKERS and isinstance(before, tuple) and isinstance(after, tuple):
        return " ".join([*(f"+{url}" for url in after), *(f"-{url}" for url in before)])
    if isinstance(before, tuple) and isinstance(after, tuple):
        added = [f"+{item}" for item in after if item not in before]
        removed = [f"-{item}" for item in before if item not in after]
        return " ".join(added + removed)
    return f"{format_value(change.field, before)} → {format_value(change.field, after)}"


def note_text(action: Action) -> str:
    """Return the reason, and for a deletion or quarantine a warning if no other seed is known."""
    return action.reason + ("; no other seed is known" if is_last_copy(action.blast) else "")


def format_value(field: str, value: FieldValue) -> str:
    """Return the value of a field as in a desired state, with units."""
    if field == FILES and isinstance(value, tuple):
        return _files_text(value)
    return format_plain_value(to_declared_value(field, value))


def _files_text(files: tuple[str, ...]) -> str:
    """Return `skip a.nfo, b.txt and 12 more; high c.mkv` for texts that begin with a priority."""
    groups: dict[str, list[str]] = {}
    for text in files:
        priority, _, path = text.partition(" ")
        groups.setdefault(priority, []).append(path)
    parts = []
    for priority, paths in groups.items():
        more = f" and {len(paths) - MAX_FILES:,} more" if len(paths) > MAX_FILES else ""
        parts.append(f"{priority} {', '.join(paths[:MAX_FILES])}{more}")
    return "; ".join(parts)


def endless_text(endless: EndlessChange) -> str:
    """Return why a change never ends, and what to do."""
    change = endless.change
    field = "it" if endless.kind is ObjectKind.PREFERENCE else change.field
    before, after = (format_value(change.field, value) for value in (change.before, change.after))
    return (
        f'every run would set {field} to "{after}" and find "{before}" the next time. '
        "Declare a value that qBittorrent keeps, or remove the key"
    )


def endless_subject(endless: EndlessChange) -> str:
    """Return the instance and the object of a change that never ends."""
    subject = endless.name if endless.kind is ObjectKind.TORRENT else f"{endless.kind} {endless.name}"
    return f"{endless.instance}: {subject}"


def strip_instance_prefix(name: str, error: str) -> str:
    """Return the error of an instance for a place that names the instance already."""
    return error.removeprefix(f"{name}: ")


def format_plain_value(value: FieldValue) -> str:
    """Return a value as in a desired state."""
    if value is None or value == "" or value == ():
        return NO_VALUE_TEXT
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value)


def dim_suffix(*parts: str) -> Span:
    """Return the parts that are not empty as dimmed text for the end of a line."""
    text = " · ".join(filter(None, parts))
    return (f"   {text}" if text else ""), Style.DIM


def capitalize_sentence(text: str) -> str:
    """Return a text with a capital first letter; the rest stays as it is."""
    return text[:1].upper() + text[1:]
