"""The actions on the loop: run now, accept exactly one plan, suspend an instance until a time, and resume it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from reconciler.model.desired import DesiredState
from reconciler.model.plan import DeleteTorrent, Outcome
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, Run, RunMode
from reconciler.report.phrases import suspension_text, warning_label
from reconciler.report.summary import instance_summary_text
from reconciler.web.context import LoopControls, WebContext
from reconciler.web.forms import Form
from reconciler.web.pages.action_form import ActionForm, ActionRefused, Fields, Performed, refuse_obstacle
from reconciler.web.pages.action_log import GOOD, WAIT, ActionOutcome, follow_acceptance, follow_run

MAX_ITEMS: Final = 30
MAX_SUSPENSION: Final = timedelta(days=366)
DURATIONS: Final = (
    ("30", "30 minutes"),
    ("60", "1 hour"),
    ("240", "4 hours"),
    ("720", "12 hours"),
    ("1440", "1 day"),
    ("4320", "3 days"),
    ("10080", "1 week"),
)  # in minutes
DEFAULT_MINUTES: Final = "60"
DRY_RUN_TEXT: Final = "This watch is a dry-run: it never changes anything."
_ACCEPTANCE_TEXT: Final = (
    "The next run may carry out this plan, once, although the guard refuses it. It is known by its hash, which covers "
    "every action on every instance. If anything has changed until then, nothing of it is carried out."
)
_SUSPENSION_TEXT: Final = (
    "Until then, nothing on {} is changed: no torrent, no category, no preference, and the kill switch does not stop "
    "anything either. Runs read it and show what they would do."
)
_NEXT_RUN_TEXT: Final = "A run begins as soon as the loop is free, at most some seconds from now."


class RunNow:
    """Ask for a run now."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def make_form(self, _fields: Fields, _now: datetime) -> ActionForm:
        """Return what a run does."""
        what = "Read the files and every instance, and correct what differs."
        how = "It is the same run as every interval: the guard judges it, and suspended instances are left alone."
        effects = (what, how) if self._context.controls else ("Read every instance, and plan.", DRY_RUN_TEXT)
        return ActionForm("Run now", "Run now", effects)

    def perform(self, _form: Form, _now: datetime) -> Performed:
        """Ask for it."""
        self._context.request_reload()
        outcome = ActionOutcome(WAIT, "A run was requested", (_NEXT_RUN_TEXT,))
        return Performed(outcome, follow_run(ActionOutcome(GOOD, "The run has ended")))


class AcceptPlan:
    """Accept exactly the plan with one hash."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def make_form(self, fields: Fields, _now: datetime) -> ActionForm:
        """Return what this plan does where the guard refuses it. Without a hash, it is the present plan."""
        title, back = "Accept exactly this plan", ("plan", "Show the whole plan")
        last_run = self._context.board.get_view().last_run
        run = last_run.run if last_run else None
        plan_hash = fields.get("plan") or (run.plan_hash if run else "")
        obstacle = self._find_obstacle(run, plan_hash)
        if run is None or obstacle:
            return ActionForm(title, title, obstacle=obstacle, back=back)
        refused = [instance for instance in run.instances if needs_approval(instance.verdict.reasons, instance.results)]
        items = sorted((item for instance in refused for item in instance.results), key=_rank_item)
        effects = (
            *(f"On {instance.name}: {instance_summary_text(instance, RunMode.DRY_RUN)}." for instance in refused),
            _ACCEPTANCE_TEXT,
        )
        return ActionForm(
            title,
            "Accept and carry it out",
            effects,
            tuple(f"{instance.name}: {reason}" for instance in refused for reason in instance.verdict.reasons),
            tuple(map(_describe_item, items[:MAX_ITEMS])),
            max(0, len(items) - MAX_ITEMS),
            parameters=(("plan", plan_hash),),
            is_dangerous=True,
            back=back,
        )

    def perform(self, form: Form, now: datetime) -> Performed:
        """Accept it, if it is still the plan of the last run."""
        plan_hash = form.fields.get("plan", "")
        if not plan_hash:
            raise ActionRefused("The form names no plan.")
        refuse_obstacle(self.make_form({"plan": plan_hash}, now))
        controls = self._context.controls
        assert controls
        controls.accept_plan(plan_hash)
        outcome = ActionOutcome(WAIT, "The plan is accepted", (f"Accepted: {plan_hash}", _NEXT_RUN_TEXT))
        return Performed(outcome, follow_acceptance(plan_hash))

    def _find_obstacle(self, run: Run | None, plan_hash: str) -> str:
        if self._context.controls is None:
            return DRY_RUN_TEXT
        if run is None:
            return "No run has ended yet, so there is no plan."
        if plan_hash != run.plan_hash:
            return f"The plan has changed: it is now {run.plan_hash}. Look at it before you accept it."
        if not is_acceptable(run):
            return "The guard refuses nothing of this plan, so it needs no approval."
        return ""


def is_acceptable(run: Run) -> bool:
    """True if an approval of its plan would let something happen that was held back."""
    return any(needs_approval(instance.verdict.reasons, instance.results) for instance in run.instances)


def needs_approval(reasons: tuple[str, ...], results: tuple[ActionResult, ...]) -> bool:
    """True if the guard has refused an instance, or has blocked its deletions because it looks wiped."""
    return bool(reasons) and any(result.outcome in (Outcome.PLANNED, Outcome.BLOCKED) for result in results)


def _rank_item(result: ActionResult) -> tuple[bool, bool, str]:
    return not isinstance(result.action, DeleteTorrent), not result.action.disruptive, result.action.name


def _describe_item(result: ActionResult) -> str:
    action = result.action
    warning = warning_label(action, result.outcome)
    return f"{action.verb} {action.name}" + (f" ({warning})" if warning else "") + f": {action.reason}"


class Suspend:
    """Leave an instance alone until a time."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def make_form(self, fields: Fields, now: datetime) -> ActionForm:
        """Return what a suspension means for this instance."""
        name = fields.get("instance", "")
        title = f"Suspend {name}" if name else "Suspend an instance"
        obstacle = find_instance_obstacle(self._context, name)
        if obstacle:
            return ActionForm(title, title, obstacle=obstacle)
        groups = [group.name for group in self._context.get_desired().groups.values() if name in group.member_names]
        effects = (
            _SUSPENSION_TEXT.format(name),
            "It holds at once, also during a run, and survives a restart. At its end a run begins.",
            *(f"It is a member of {group}: new torrents go to other members meanwhile." for group in groups),
        )
        return ActionForm(
            title,
            title,
            effects,
            parameters=(("instance", name),),
            inputs="until",
            options=DURATIONS,
        )

    def perform(self, form: Form, now: datetime) -> Performed:
        """Suspend it."""
        name = form.fields.get("instance", "")
        refuse_obstacle(self.make_form(form.fields, now))
        until = parse_until(form.fields, now)
        is_kept = _get_controls(self._context).suspend(name, until)
        lines = (
            "The next run shows what waits for its end.",
            *(() if is_kept else ("It ends with this process: the journal could not be written; the log says why.",)),
        )
        outcome = ActionOutcome(GOOD if is_kept else WAIT, f"{name} is {suspension_text(until)}", lines)
        return Performed(outcome, follow_run(outcome))


class Resume:
    """End the suspension of an instance."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def make_form(self, fields: Fields, now: datetime) -> ActionForm:
        """Return what happens then."""
        name = fields.get("instance", "")
        title = f"Resume {name}" if name else "Resume an instance"
        obstacle = find_instance_obstacle(self._context, name)
        until = self._context.controls.list_suspended().get(name) if self._context.controls else None
        if not obstacle and until is None:
            obstacle = f"{name} is not suspended."
        if obstacle:
            return ActionForm(title, title, obstacle=obstacle)
        effects = (
            f"{name} is {suspension_text(until)}. A run begins now, and carries out what has waited.",
            "The guard judges it as always.",
        )
        return ActionForm(title, title, effects, parameters=(("instance", name),))

    def perform(self, form: Form, now: datetime) -> Performed:
        """Resume it."""
        name = form.fields.get("instance", "")
        refuse_obstacle(self.make_form(form.fields, now))
        is_kept = _get_controls(self._context).resume(name)
        lines = () if is_kept else ("The journal could not be written, so a restart would suspend it again.",)
        outcome = ActionOutcome(GOOD if is_kept else WAIT, f"{name} is reconciled again", (*lines, _NEXT_RUN_TEXT))
        return Performed(outcome, follow_run(ActionOutcome(outcome.tone, outcome.headline, lines)))


def find_instance_obstacle(context: WebContext, name: str) -> str:
    """Return why the suspension of an instance cannot be changed here; "" if it can."""
    if context.controls is None:
        return DRY_RUN_TEXT
    if name not in {view.name for view in context.board.get_view().instances}:
        return f'There is no instance "{name}" here.'
    if position := find_suspend_position(context.get_desired(), name):
        return f"It is suspended by the desired state at {position}, and can only be resumed there."
    return ""


def find_suspend_position(desired: DesiredState, name: str) -> Position | None:
    """Return the place in the files that suspends an instance; None if none does."""
    if desired.suspend:
        return desired.suspend_position
    instance = desired.instances.get(name)
    return instance.suspend_position or instance.position if instance and instance.suspend else None


def parse_until(fields: Fields, now: datetime) -> datetime:
    """Return the time (UTC) that a form asks for: `until` as a date and time, else `minutes` from now.

    Raises `ActionRefused`.
    """
    text = fields.get("until", "").strip()
    if text:
        until = read_time(text)
    else:
        minutes = fields.get("minutes") or DEFAULT_MINUTES
        if not (minutes.isascii() and minutes.isdecimal() and len(minutes) < 8):
            raise ActionRefused("The duration must be a number of minutes.")
        until = now + timedelta(minutes=int(minutes))
    if until <= now:
        raise ActionRefused(f"{until:%Y-%m-%d %H:%M} UTC is over: it is {now:%Y-%m-%d %H:%M} UTC.")
    if until > now + MAX_SUSPENSION:
        raise ActionRefused("A suspension lasts at most a year. For longer, write suspend: true in the desired state.")
    return until


def read_time(text: str) -> datetime:
    """Return a date and time (UTC), which is in UTC unless it names another zone. Raises `ActionRefused`."""
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ActionRefused("This is no date and time, such as 2026-01-31T18:00.") from None


def _get_controls(context: WebContext) -> LoopControls:
    assert context.controls
    return context.controls
