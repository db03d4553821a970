"""The words and signs of the text report."""

from __future__ import annotations

from typing import Final

from reconciler.model.options import written
from reconciler.model.plan import Action, Change, Kind, Outcome, Value, Verb
from reconciler.report.blast import is_quarantine
from reconciler.report.text.lines import Span, Style

NOTHING: Final = "(none)"
FILES_SHOWN: Final = 3  # of each priority
_VERBS: Final = {
    Verb.ADD: ("+", "add", "added", Style.ADD),
    Verb.ADOPT: (">", "adopt", "adopted", Style.ADOPT),
    Verb.UPDATE: ("~", "update", "updated", Style.CHANGE),
    Verb.DELETE: ("-", "delete", "deleted", Style.DELETE),
}
_TROUBLE: Final = {
    Outcome.FAILED: ("!", Style.DELETE),
    Outcome.BLOCKED: ("!", Style.DELETE),
    Outcome.DROPPED: ("x", Style.CHANGE),
    Outcome.DEFERRED: ("*", Style.CHANGE),
}


def symbol_of(verb: Verb, outcome: Outcome) -> Span:
    """The sign for what became of a verb."""
    if outcome in _TROUBLE:
        return _TROUBLE[outcome]
    symbol, _, _, style = _VERBS[verb]
    return symbol, style


def sign(action: Action, outcome: Outcome) -> tuple[str, str, Style]:
    """The symbol, the word and the style that begin an action's line."""
    if outcome in _TROUBLE:
        symbol, style = _TROUBLE[outcome]
        return symbol, str(outcome), style
    symbol, present, past, style = _VERBS[action.verb]
    return symbol, past if outcome is Outcome.APPLIED else present, style


def subject(action: Action) -> str:
    """Ten characters that say what the action is about: the beginning of the infohash, or the kind of setting."""
    return (action.infohash or "")[:10] if action.kind is Kind.TORRENT else str(action.kind)


def shout(action: Action, outcome: Outcome) -> str:
    """What nobody may overlook about an action, or ""."""
    if action.delete_files:
        return "with its data" if action.verb is Verb.DELETE else ""
    if is_quarantine(action):
        return "into quarantine"
    return "moves data" if action.disruptive else ""


def told(action: Action) -> list[Change]:
    """The changes worth telling. That an add or an adoption makes it ours goes without saying."""
    return [
        change for change in action.changes if change.field != "owner" or (change.before and change.after is not None)
    ]


def change_text(change: Change) -> str:
    """`category: linux → films`; lists by what comes and goes, files by the priority that they get."""
    before, after = change.before, change.after
    if change.field == "files" and isinstance(after, tuple):
        return f"files: {_files_text(after)}"
    if isinstance(before, tuple) and isinstance(after, tuple):
        coming = [f"+{one}" for one in after if one not in before]
        going = [f"-{one}" for one in before if one not in after]
        return f"{change.field}: {' '.join(coming + going)}"
    return f"{change.field}: {told_value(change.field, before)} → {told_value(change.field, after)}"


def told_value(field: str, one: Value) -> str:
    """The value of a field as people write it, in units."""
    if field == "files" and isinstance(one, tuple):
        return _files_text(one)
    return value(written(field, one))


def _files_text(files: tuple[str, ...]) -> str:
    """`skip a.nfo, b.txt and 12 more; high c.mkv`, from texts that begin with a priority."""
    groups: dict[str, list[str]] = {}
    for text in files:
        priority, _, path = text.partition(" ")
        groups.setdefault(priority, []).append(path)
    parts = []
    for priority, paths in groups.items():
        more = f" and {len(paths) - FILES_SHOWN:,} more" if len(paths) > FILES_SHOWN else ""
        parts.append(f"{priority} {', '.join(paths[:FILES_SHOWN])}{more}")
    return "; ".join(parts)


def without_name(name: str, error: str) -> str:
    """The error of an instance, for a place that names the instance already."""
    return error.removeprefix(f"{name}: ")


def value(one: Value) -> str:
    """A value as people write it."""
    if one is None or one == "" or one == ():
        return NOTHING
    if isinstance(one, bool):
        return "true" if one else "false"
    if isinstance(one, tuple):
        return ", ".join(one)
    return str(one)


def background(*parts: str) -> Span:
    """What else there is to say about something, dimmed; empty parts are left out."""
    said = " · ".join(part for part in parts if part)
    return (f"   {said}" if said else ""), Style.DIM
