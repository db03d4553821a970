"""A message to people in words: short enough for a phone, harmless for whatever shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from reconciler.model.notification import About, Letter, Message, Trouble
from reconciler.model.plan import Verb
from reconciler.report.phrases import without_name
from reconciler.report.sanitize import clean, clipped
from reconciler.report.text.problems import count

FORMAT_VERSION: Final = 1
LONGEST: Final = 300  # characters of a reason
TEXT: Final = 1_700  # characters: with the title it goes into one message of every usual chat (Discord takes 2,000)
TITLE: Final = 150
_NAME: Final = 80  # characters of a torrent's name
_DONE: Final = {Verb.ADD: "added", Verb.ADOPT: "adopted", Verb.UPDATE: "changed", Verb.DELETE: "deleted"}
_ALIVE: Final = re.compile(r"[@<]|\](?=\()|:(?=//)")  # @everyone, <!channel>, [a link](x), https://…
_WRONG: Final = {
    About.GUARD: "the guard refuses the plan of {}",
    About.FILES: "the desired state is invalid",
    About.INSTANCE: "{} cannot be reconciled",
    About.ACTIONS: "actions fail on {}",
}
_RIGHT: Final = {
    About.GUARD: "the guard no longer refuses the plan of {}",
    About.FILES: "the desired state is valid again",
    About.INSTANCE: "{} is back",
    About.ACTIONS: "nothing fails on {} any more",
}


def letter(message: Message) -> Letter:
    """The message in words and as a document."""
    title = clipped("reconcile: " + "; ".join(_headlines(message)), TITLE)
    text = clipped("\n".join(_lines(message)), TEXT)
    return Letter(title, text, json.dumps(_document(message, title, text), ensure_ascii=True).encode("ascii"))


def _headlines(message: Message) -> Iterator[str]:
    for wordings, troubles in ((_WRONG, message.troubles), (_RIGHT, message.recovered)):
        for about, wording in wordings.items():
            names = [one.instance for one in troubles if one.about is about]
            if names:
                yield wording.format(_plain(", ".join(names)))
    if message.changes or message.settings:
        yield _counts(message)


def _lines(message: Message) -> Iterator[str]:
    refused = [one for one in message.troubles if one.about is About.GUARD]
    for one in refused:
        yield f"{_sentence(_WRONG, one)}: {_reason(one)}{_history(one)}"
    if refused:
        yield f"Nothing was done there. To approve exactly this plan: accept_plan: {message.plan_hash}"
    for one in message.troubles:
        if one not in refused:
            yield f"{_sentence(_WRONG, one)}: {_reason(one)}{_history(one)}"
    for one in message.recovered:
        yield f"{_sentence(_RIGHT, one)} (it began {_moment(one.since)})"
    if message.changes or message.settings:
        yield f"{_counts(message)}:" if message.torrents else _counts(message)
        for torrent in message.torrents:
            yield f"  {_DONE[torrent.verb]} {_plain(clipped(torrent.name, _NAME))} ({_plain(torrent.instance)})"
        if more := sum(message.changes.values()) - len(message.torrents):
            yield f"  … and {more:,} more"


def _document(message: Message, title: str, text: str) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "title": title,
        "text": text,
        "events": _events(message),
        "at": _stamp(message.at),
        "trigger": message.trigger,
        "plan_hash": message.plan_hash,
        "changes": {**{str(verb): message.changes.get(verb, 0) for verb in Verb}, "settings": message.settings},
        "torrents": [
            {"verb": str(one.verb), "instance": one.instance, "name": clipped(clean(one.name), _NAME)}
            for one in message.torrents
        ],
        "troubles": [_entry(one) for one in message.troubles],
        "recovered": [_entry(one) for one in message.recovered],
    }


def _events(message: Message) -> list[str]:
    """What it is about, for a program that chooses."""
    found = {"refused" if one.about is About.GUARD else "failing" for one in message.troubles}
    found |= {"recovered"} if message.recovered else set()
    found |= {"changed"} if message.changes or message.settings else set()
    return [event for event in ("refused", "failing", "recovered", "changed") if event in found]


def _entry(one: Trouble) -> dict[str, object]:
    return {
        "about": str(one.about),
        "instance": one.instance or None,
        "reason": clipped(clean(one.reason), LONGEST),
        "tries": one.tries,
        "since": _stamp(one.since),
        "reminder": one.reminder,
    }


def _counts(message: Message) -> str:
    words = [f"{message.changes[verb]:,} {done}" for verb, done in _DONE.items() if message.changes.get(verb)]
    words += [f"{count(message.settings, 'setting')} changed"] if message.settings else []
    return ", ".join(words)


def _sentence(wordings: dict[About, str], one: Trouble) -> str:
    text = wordings[one.about].format(_plain(one.instance))
    return text if one.about is About.INSTANCE else text[0].upper() + text[1:]


def _reason(one: Trouble) -> str:
    return _plain(clipped(without_name(one.instance, one.reason), LONGEST))


def _history(one: Trouble) -> str:
    if one.reminder:
        return f" (still, since {_moment(one.since)})"
    return f" ({one.tries} times in a row since {_moment(one.since)})" if one.tries > 1 else ""


def _plain(text: str) -> str:
    """Text in which a chat finds nobody to call and no link to make: it may come from a torrent."""
    return _ALIVE.sub("\\g<0>\u200b", clean(text))


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
