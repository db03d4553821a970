"""The actions on the intake: add magnet links, URLs and files; pause, resume and remove what was added."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.names import FORCE_START
from reconciler.model.infohash import parse_infohash_text
from reconciler.model.intake import EntryChanges, EntryValue, HandedIn, Intake, IntakeError
from reconciler.model.lazy_dataclass import dataclass
from reconciler.web.catalogue import Catalogue
from reconciler.web.context import WebContext
from reconciler.web.forms import Form
from reconciler.web.gateway.adding import read_link
from reconciler.web.gateway.parameters import split_tags
from reconciler.web.pages.action_form import ActionForm, ActionRefused, Fields, Performed, refuse_obstacle
from reconciler.web.pages.action_log import BAD, GOOD, MAX_LINES, WAIT, ActionOutcome, follow_run
from reconciler.web.rest.torrents import find_torrent

NO_INTAKE_TEXT: Final = 'The desired state declares no "intake", so torrents are added in its files only.'
_NEXT_RUN_TEXT: Final = "The run that begins now carries it out."
Result = TypeVar("Result")
_BACK: Final = ("torrents", "Back to the torrents")


class AddTorrents:
    """Hand in magnet links, URLs and .torrent files."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def make_form(self, _fields: Fields, _now: datetime) -> ActionForm:
        """Return where they go."""
        title, settings = "Add torrents", self._context.get_desired().intake
        if self._context.intake is None or settings is None:
            return ActionForm(title, title, obstacle=NO_INTAKE_TEXT, back=_BACK)
        effects = (
            f"Each becomes an entry of {settings.file}, for {settings.instance}. The next run adds it.",
            "A torrent that is declared already is left as it is.",
        )
        categories = sorted({*self._context.get_desired().categories, *self._context.intake.categories})
        options = tuple((name, name) for name in categories)
        return ActionForm(title, title, effects, inputs="torrents", options=options, back=_BACK)

    def perform(self, form: Form, now: datetime) -> Performed:
        """Add them, in one write."""
        refuse_obstacle(self.make_form(form.fields, now))
        torrents = read_torrents(form)
        results = _write(lambda: _require_intake(self._context).hand_in(torrents))
        added = [result for result in results if not (result.is_known or result.problem)]
        known = [result for result in results if result.is_known]
        problems = tuple(result.problem for result in results if result.problem)
        if not added and not known:
            raise ActionRefused("Nothing was added.", *problems)
        lines = tuple(f"Declared already, at {result.position}" for result in known if result.position)
        headline = f"{len(added):,} {'torrent was' if len(added) == 1 else 'torrents were'} added to the intake"
        hashes = [result.infohash for result in results if result.infohash]
        links = tuple((f"torrents/{infohash}", f"Show {infohash[:10]}") for infohash in hashes[:MAX_LINES])
        tone = BAD if problems else WAIT if added else GOOD
        after = ActionOutcome(BAD if problems else GOOD, headline, lines, problems, links)
        if not added:
            return Performed(after)
        ids = {result.infohash for result in added if result.infohash}
        return Performed(
            ActionOutcome(tone, headline, (*lines, _NEXT_RUN_TEXT), problems, links), follow_run(after, ids)
        )


def read_torrents(form: Form) -> list[HandedIn]:
    """Return the torrents of a form. Raises `ActionRefused` if there are none, or a line is no link."""
    keys: dict[str, EntryValue] = {}
    if category := form.fields.get("category", "").strip():
        keys["category"] = category
    if tags := split_tags(form.fields.get("tags", "")):
        keys["tags"] = list(tags)
    if form.fields.get("paused"):
        keys["paused"] = True
    lines = [line.strip() for line in form.fields.get("links", "").splitlines() if line.strip()]
    links = [read_link(line) for line in lines]
    if "" in links:
        number = links.index("") + 1
        raise ActionRefused(f"Line {number} is no magnet link, infohash or http(s) URL of a .torrent file.")
    files = [file.content for file in form.files if file.content]
    torrents = [
        *(HandedIn(link=link, keys=keys) for link in links),
        *(HandedIn(content=content, keys=keys) for content in files),
    ]
    if not torrents:
        raise ActionRefused("Give a magnet link, a URL or a .torrent file.")
    return torrents


@dataclass(frozen=True, slots=True)
class EntryChange:
    """The words of a change of one torrent of the intake, and its effects on the entry."""

    title: str
    effects: tuple[str, ...]
    done: str
    change: Callable[[DesiredTorrent], EntryChanges]


def _pause(_entry: DesiredTorrent) -> EntryChanges:
    return {"paused": True, "force_start": None}


def _resume(entry: DesiredTorrent) -> EntryChanges:
    is_forced = entry.options.get(FORCE_START) is not None
    return {"paused": False, "force_start": False if is_forced else None, "stop_condition": None}


PAUSE: Final = EntryChange(
    "Pause", ("Its entry gets paused: true. The next run stops it on its instance.",), "is declared as paused", _pause
)
RESUME: Final = EntryChange(
    "Resume", ("Its entry gets paused: false. The next run starts it.",), "is declared as running", _resume
)


class ChangeTorrent:
    """Pause or resume a torrent of the intake."""

    def __init__(self, context: WebContext, catalogue: Catalogue, change: EntryChange) -> None:
        self._context, self._catalogue, self._change = context, catalogue, change

    def make_form(self, fields: Fields, _now: datetime) -> ActionForm:
        """Return what happens to the torrent."""
        target = find_target(self._context, self._catalogue, fields)
        title = f"{self._change.title} {target.name}"
        return ActionForm(
            title,
            self._change.title,
            self._change.effects,
            obstacle=target.obstacle,
            parameters=(("torrent", target.infohash),),
            back=target.back,
        )

    def perform(self, form: Form, now: datetime) -> Performed:
        """Change its entry."""
        refuse_obstacle(self.make_form(form.fields, now))
        target = find_target(self._context, self._catalogue, form.fields)
        _write(lambda: _require_intake(self._context).change([target.infohash], self._change.change))
        return _follow_change(target, self._change.done)


class RemoveTorrent:
    """Remove a torrent of the intake."""

    def __init__(self, context: WebContext, catalogue: Catalogue) -> None:
        self._context, self._catalogue = context, catalogue

    def make_form(self, fields: Fields, _now: datetime) -> ActionForm:
        """Return what happens to the torrent."""
        target, settings = find_target(self._context, self._catalogue, fields), self._context.get_desired().intake
        limit = f" A run deletes at most {settings.max_delete} (max_delete of the intake)." if settings else ""
        effects = (
            f"Its entry is marked as absent, and the next run deletes the torrent.{limit}",
            "Its data stays, unless you choose to delete it too.",
        )
        return ActionForm(
            f"Remove {target.name}",
            "Remove",
            effects,
            obstacle=target.obstacle,
            parameters=(("torrent", target.infohash),),
            inputs="remove",
            is_dangerous=True,
            back=target.back,
        )

    def perform(self, form: Form, now: datetime) -> Performed:
        """Mark its entry as absent."""
        refuse_obstacle(self.make_form(form.fields, now))
        target = find_target(self._context, self._catalogue, form.fields)
        delete_files = bool(form.fields.get("delete_files"))
        _write(lambda: _require_intake(self._context).remove([target.infohash], delete_files=delete_files))
        done = "is marked as absent, with its data" if delete_files else "is marked as absent; its data stays"
        return _follow_change(target, done)


@dataclass(frozen=True, slots=True)
class ActionTarget:
    """The torrent that an action is about. `obstacle`: why it cannot be changed here."""

    infohash: str
    name: str
    obstacle: str
    back: tuple[str, str]


def find_target(context: WebContext, catalogue: Catalogue, fields: Fields) -> ActionTarget:
    """Return the torrent with the infohash of a form."""
    text = fields.get("torrent", "")
    infohashes = parse_infohash_text(text)
    if infohashes is None:
        return ActionTarget("", "a torrent", "The address names no torrent by its infohash.", _BACK)
    known = find_torrent(catalogue.read(), text)
    infohash = (known.entry.infohash if known and known.entry else "") or str(infohashes)
    intake = context.intake if context.get_desired().intake else None
    entry = intake.entries.get(infohash) if intake else None
    name = str(known.row["name"]) if known else entry.label if entry else infohash
    obstacle = ""
    if intake is None:
        obstacle = NO_INTAKE_TEXT
    elif entry is None and known and known.position:
        obstacle = f"It is declared at {known.position}, in a file that only people change."
    elif entry is None:
        obstacle = "It was not handed in, and no file declares it: it is not ours to change."
    elif entry.absent:
        obstacle = "It is marked as absent already: the next run deletes it."
    return ActionTarget(infohash, name, obstacle, (f"torrents/{infohash}", "Back to the torrent"))


def _follow_change(target: ActionTarget, done: str) -> Performed:
    headline = f"{target.name} {done}"
    after = ActionOutcome(GOOD, headline, links=(target.back,))
    return Performed(
        ActionOutcome(WAIT, headline, (_NEXT_RUN_TEXT,), links=(target.back,)), follow_run(after, {target.infohash})
    )


def _require_intake(context: WebContext) -> Intake:
    if context.intake is None:
        raise ActionRefused(NO_INTAKE_TEXT)
    return context.intake


def _write(change: Callable[[], Result]) -> Result:
    """Carry out a change of the intake. Raises `ActionRefused`."""
    try:
        return change()
    except IntakeError as error:
        raise ActionRefused("Nothing was changed.", *error.problems) from error
    except KeyError:
        raise ActionRefused("It is not in the intake any more.") from None
