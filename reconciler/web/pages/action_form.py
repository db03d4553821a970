"""The parts of every action on the pages: the form that says what it will do, and its refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Problem
from reconciler.web.forms import Form
from reconciler.web.pages.action_log import ActionOutcome, FollowUp, Link

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ActionForm:
    """The words of a page before an action.

    `effects`: sentences on what it will do; `reasons`: what speaks against it; `items`: what it is about, of which
    `hidden_count` are not listed. `obstacle`: why it cannot be done now; then there is no button. `parameters`: what
    the form sends along; `inputs`: the name of the inputs that the template shows. `back`: where to go instead.
    """

    title: str
    button: str
    effects: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    hidden_count: int = 0
    obstacle: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    inputs: str = ""
    options: tuple[tuple[str, str], ...] = ()
    is_dangerous: bool = False
    back: Link = ("", "Back to the overview")


class ActionRefused(Exception):
    """An action that was not carried out: why, as a sentence, with the problems of the desired state."""

    def __init__(self, text: str, *problems: Problem) -> None:
        super().__init__(text)
        self.text, self.problems = text, problems


@dataclass(frozen=True, slots=True)
class Performed:
    """An action that was carried out, as far as this request could. `follow_up` sees what the next run makes of it."""

    outcome: ActionOutcome
    follow_up: FollowUp | None = None


class PageAction(Protocol):
    """An action of the pages. Both methods run in a thread of their own."""

    def make_form(self, fields: Fields, now: datetime) -> ActionForm:
        """Return what the action will do with these parameters, or why it cannot."""

    def perform(self, form: Form, now: datetime) -> Performed:
        """Carry the action out. Raises `ActionRefused`."""


ActionTable = Mapping[str, PageAction]
Now = Callable[[], datetime]


def refuse_obstacle(form: ActionForm) -> None:
    """Raise `ActionRefused` for an action that cannot be done now."""
    if form.obstacle:
        raise ActionRefused(form.obstacle)
