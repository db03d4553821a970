"""One torrent, field by field: as it is declared, and as it is live."""

from __future__ import annotations

from reconciler.model.desired import DesiredTags, DesiredTorrent
from reconciler.model.explanation import FieldView
from reconciler.model.fields import file_text, live_value, normal_path
from reconciler.model.files import Priority
from reconciler.model.links import TRACKERS, WEB_SEEDS, masked, urls_in
from reconciler.model.options import CREATE_ONLY, OPTIONS
from reconciler.model.plan import Value
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import MARKS
from reconciler.plan.diff import ORDER, drift, first_values

_ALWAYS = ("name", "category", "tags", "save_path", "paused", "protect")  # shown even where there is nothing to say


def fields_of(entry: DesiredTorrent | None, live: LiveTorrent | None) -> tuple[FieldView, ...]:
    """Every field that has something to show; what differs is what the plan's own diff finds, be it spared or not."""
    found = drift(entry, live) if entry and live and not entry.absent else ()
    differing = {change.field for change in found}
    views = []
    for field in ORDER:
        declared, present = _declared(entry, field), _live(live, field)
        if field in _ALWAYS or field in differing or declared is not None or not _usual(field, present):
            views.append(FieldView(field, declared, present, field in differing))
    return tuple(views)


def _usual(field: str, present: Value) -> bool:
    option = OPTIONS.get(field)
    return present in (None, ()) or (option is not None and option.same(present, option.default))


def _live(live: LiveTorrent | None, field: str) -> Value:
    """What the instance shows of a field; None where it is not there, or shows nothing of it."""
    if live is None or field in ("owner", "export", "creator_task", "peer") or field in CREATE_ONLY:
        return None
    if field in ("content", "content_of"):
        return (live.content_path if field == "content" else True) if MARKS[field] in live.tags else None
    if field in (TRACKERS, WEB_SEEDS):
        return tuple(map(masked, urls_in(live.links, field)))
    if field == "files":
        return tuple(file_text(file, file.priority) for file in live.files or () if file.priority != Priority.NORMAL)
    return live_value(live, field)


def _declared(entry: DesiredTorrent | None, field: str) -> Value:
    """What the entry says of a field, as plans show it."""
    if entry is None or field in ("owner", "quarantine", "held", "creator_task", "peer"):
        return None
    if field in ("content", "content_of", "export"):
        return next((change.after for change in first_values(entry) if change.field == field), None)
    if field in entry.options or field in entry.create_only:
        return entry.options.get(field, entry.create_only.get(field))
    if field in (TRACKERS, WEB_SEEDS):
        return tuple(map(masked, getattr(entry, field))) or None
    if field == "files":
        return tuple(map(str, entry.files)) or None
    one = getattr(entry, field, None)
    if isinstance(one, DesiredTags):
        return tuple(sorted(one.names))
    if isinstance(one, str) and field.endswith("_path"):
        return normal_path(one)
    return one if isinstance(one, (str, bool)) else None
