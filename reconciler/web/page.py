"""The status page: a view as people read it in a browser, with nothing alive in it but links to ourselves."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import jinja2
from markupsafe import Markup

from reconciler import __version__
from reconciler.engine.events import Waiting
from reconciler.model.groups import Pending
from reconciler.model.plan import Outcome, Verb
from reconciler.model.run import ActionResult, InstanceResult, Mode
from reconciler.report.phrases import change_text, shout, sign, told, without_name
from reconciler.report.sanitize import clean, clipped
from reconciler.report.summary import sentence
from reconciler.report.text.actions import DELETIONS_SHOWN
from reconciler.report.text.run import STATUS_WORDS
from reconciler.web.auth import NOTHING_ALIVE
from reconciler.web.client_text import HEADLINES, ago, every, until
from reconciler.web.loop_view import LastChange, Seen, State, View

SHOWN: Final = 20  # of each list; the plan has all
LONGEST: Final = 255  # characters of a name that are shown
FASTEST, SLOWEST = 5, 3600  # seconds between refreshes
_TONES: Final = {
    Outcome.FAILED: "bad",
    Outcome.BLOCKED: "bad",
    Outcome.DROPPED: "wait",
    Outcome.DEFERRED: "wait",
}


class Page:
    """The template, ready to be filled."""

    def __init__(self) -> None:
        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("reconciler.web", "pages"),
            autoescape=True,
            finalize=_harmless,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        assert environment.loader
        style = environment.loader.get_source(environment, "style.css")[0]
        self._template = environment.get_template("status.html")
        self._style = Markup(style)  # ours, and the hash below says so to the browser
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = f"{NOTHING_ALIVE}; style-src 'sha256-{digest}'; img-src data:"
        self.headers: Mapping[str, str] = {"Content-Security-Policy": policy}

    def html(self, view: View, refresh: int = 0) -> bytes:
        """The page. `refresh`: seconds after which the browser asks again; 0: never."""
        run = view.last.run if view.last else None
        headline, tone = HEADLINES[view.state]
        refused = view.state is State.REFUSED
        text = self._template.render(
            style=self._style,
            version=__version__,
            headline=headline,
            tone=tone,
            details=_details(view),
            problems=view.last.problems if view.last else (),
            warnings=run.warnings if run else (),
            facts=_facts(view),
            cards=[_card(seen, view) for seen in view.instances],
            pending=_pending(run.pending) if run else (),
            plan_hash=run.plan_hash if run and refused else "",
            change=view.last_change and _change(view.last_change, view),
            now=f"{view.now:%Y-%m-%d %H:%M:%SZ}",
            shown=SHOWN,
            refresh=refresh,
        )
        return text.encode()


def refresh_of(asked: str) -> int:
    """The seconds that a query asks for, within reason; 0 for none or nonsense."""
    return min(SLOWEST, max(FASTEST, int(asked))) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One action in a list."""

    sign: str
    word: str
    tone: str
    name: str
    loud: str
    note: tuple[str, ...]


_BLANK: Final = Entry("", "", "", "", "", ())


@dataclass(frozen=True, slots=True)
class Card:
    """One instance."""

    name: str
    word: str
    tone: str
    about: tuple[str, ...]
    counts: tuple[str, ...]
    error: str
    waiting: str
    guard: tuple[str, ...]
    refused: bool
    limit: int
    open: tuple[Entry, ...]


def _harmless(value: object) -> object:
    """Whatever is put into the page: no character in it hides, moves or reverses what stands around it."""
    return value if isinstance(value, Markup) else clean(str(value))


def _facts(view: View) -> list[tuple[str, str, str]]:
    if view.last is None:
        return [("Started", ago(view.started, view.now), ""), ("Interval", every(view.interval), "")]
    length = f"{view.last.trigger}, took {view.last.seconds:.1f} s"
    return [
        ("Last run", ago(view.last.began, view.now), length),
        ("Last with all well", ago(view.last_success, view.now) if view.last_success else "never", ""),
        ("Next", until(view.next_at, view.now) if view.next_at else "", f"or earlier; {every(view.interval)}"),
        ("Runs", f"{view.runs:,}", f"started {ago(view.started, view.now)}"),
    ]


def _details(view: View) -> list[str]:
    """What stands below the headline."""
    if view.last is None:
        return [view.stuck or view.unready]
    words = sentence(view.last.run)
    only = "Dry-run: nothing is ever changed. " if view.last.run.mode is Mode.DRY_RUN else ""
    return [part for part in (view.stuck, only + words[:1].upper() + words[1:]) if part]


def _card(seen: Seen, view: View) -> Card:
    result = seen.result
    word, tone = _word(seen)
    version = f"qBittorrent {result.version}" if result and result.version else ""
    read = f"read {ago(seen.read_at, view.now)}" if seen.read_at else ""
    error = (result.error if result else "") or ""
    refused = bool(result and seen.read and result.verdict.refused)
    limit = DELETIONS_SHOWN if refused else SHOWN
    left = [one for one in result.results if one.outcome is not Outcome.APPLIED] if result else []
    return Card(
        seen.name,
        word,
        tone,
        tuple(part for part in (_health(seen, view), version, seen.url or "", read) if part),
        _counts(result) if result and seen.read else (),
        "" if seen.waiting else without_name(seen.name, error),
        _waiting(seen, seen.waiting, view) if seen.waiting else "",
        result.verdict.reasons if result and seen.read else (),
        refused,
        limit,
        _entries(left, limit),
    )


def _word(seen: Seen) -> tuple[str, str]:
    result = seen.result
    if seen.waiting and not seen.up:
        return "waiting", "bad"
    if result is None:
        return "not read yet", "wait"
    if not seen.well:
        return STATUS_WORDS.get(result.status, str(result.status)).lower(), "bad"
    if result.verdict.refused:
        return "refused by the guard", "bad"
    if str(result.status) == "suspended":
        return "suspended", "wait"
    open_ = [one.outcome for one in result.results if one.outcome is not Outcome.APPLIED]
    if any(_TONES.get(outcome) == "bad" for outcome in open_):
        return "needs a look", "bad"
    return ("changes pending", "wait") if open_ else ("in sync", "good")


def _health(seen: Seen, view: View) -> str:
    health = seen.result.health if seen.result else None
    return "" if health is None or health.healthy else f"{health.state}, since {ago(health.since, view.now)}"


def _counts(result: InstanceResult) -> tuple[str, ...]:
    foreign = (f"{result.foreign:,} not ours",) if result.foreign else ()
    drift = (f"{len(result.results):,} planned in the last run",) if result.results else ()
    return f"{result.owned:,} owned", *foreign, f"{result.unchanged:,} unchanged", *drift


def _waiting(seen: Seen, waiting: Waiting, view: View) -> str:
    times = "once" if waiting.failures == 1 else f"{waiting.failures:,} times in a row"
    return f"failed {times}: {without_name(seen.name, waiting.reason)}; tried again {until(waiting.until, view.now)}"


def _entries(results: Sequence[ActionResult], limit: int) -> tuple[Entry, ...]:
    """What needs attention comes first; beyond the limit there are blanks, which are only counted."""
    ranked = sorted(results, key=lambda one: (_TONES.get(one.outcome) != "bad", one.action.verb is not Verb.DELETE))
    return tuple(map(_entry, ranked[:limit])) + (_BLANK,) * (len(ranked) - limit)


def _entry(one: ActionResult) -> Entry:
    action, outcome = one.action, one.outcome
    symbol, word, _ = sign(action, outcome)
    tone = _TONES.get(outcome, "bad" if action.verb is Verb.DELETE else "")
    trouble = one.error or action.reason if outcome in _TONES else action.reason
    changes = () if action.verb in (Verb.ADD, Verb.DELETE) else tuple(map(change_text, told(action)))
    note = (trouble, *changes, *([(action.infohash or "")[:10]] if action.infohash else [str(action.kind)]))
    return Entry(symbol, word, tone, clipped(action.name, LONGEST), shout(action, outcome), note)


def _pending(pending: Sequence[Pending]) -> tuple[Entry, ...]:
    """What has no place for now; beyond the limit only counted."""
    entries = tuple(
        Entry("?", "", "wait", clipped(one.name, LONGEST), "", (f"{one.group}: {one.reason}", one.infohash[:10]))
        for one in pending[:SHOWN]
    )
    return entries + (_BLANK,) * (len(pending) - len(entries))


def _change(change: LastChange, view: View) -> Mapping[str, object]:
    groups = [(name, _entries(results[:SHOWN], SHOWN)) for name, results in change.applied]
    shown = sum(len(items) for _, items in groups)
    return {
        "ago": f"{ago(change.at, view.now)} ({change.trigger})",
        "sentence": change.sentence,
        "groups": groups,
        "hidden": f"{change.count - shown:,}" if change.count > shown else "",
    }
