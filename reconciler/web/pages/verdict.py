"""The verdict on the whole loop: a headline for every page, and a sentence for the overview."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.run import RunMode, Status
from reconciler.report.phrases import capitalize_sentence
from reconciler.report.sanitize import truncate_text
from reconciler.report.summary import brief_summary_text
from reconciler.report.text.problems import format_count
from reconciler.web.client_text import STATE_HEADLINES
from reconciler.web.instance_label import CONTESTED, NOTHING_MANAGED, label_instance
from reconciler.web.loop_view import InstanceView, LoopState, LoopView
from reconciler.web.pages.action_groups import CONTESTED_LABEL, GroupList, OpenActions
from reconciler.web.pages.instances import count_torrents, find_down_reason

MAX_HEADLINE_LENGTH: Final = 60  # characters, since it is in the tab


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of the loop in a few words, and its `tone`: good, wait or bad."""

    headline: str
    tone: str


def judge_loop(view: LoopView) -> Verdict:
    """Return the verdict. A loop that manages no torrent is not in sync: there is nothing that could be."""
    headline, tone = STATE_HEADLINES[view.state]
    if view.state is LoopState.IN_SYNC and manages_nothing(view):
        return Verdict("No torrent is managed", "wait")
    if view.state is LoopState.PENDING and any(label_instance(instance) == CONTESTED for instance in view.instances):
        return Verdict("Something is contested", "bad")
    if view.state is LoopState.DEGRADED:
        down = [instance for instance in view.instances if not instance.is_healthy]
        is_single = len(down) == 1
        headline = (
            f"{down[0].name}: {label_instance(down[0]).text}" if is_single else f"{len(down):,} instances are down"
        )
    return Verdict(truncate_text(headline, MAX_HEADLINE_LENGTH), tone)


def manages_nothing(view: LoopView) -> bool:
    """True if no instance has a torrent that is declared or ours."""
    return bool(view.instances) and all(label_instance(instance) == NOTHING_MANAGED for instance in view.instances)


def explain_loop(view: LoopView, actions: OpenActions) -> str:
    """Return the verdict as one sentence, with the numbers and names that it rests on."""
    run = view.last_run.run if view.last_run else None
    if run is None or view.stuck_reason:
        return capitalize_sentence(f"{view.stuck_reason or view.unready_reason}.")
    match view.state:
        case LoopState.INVALID:
            text = format_count(len(view.last_run.problems if view.last_run else ()))
            return f"{text} in the files; the desired state from before them stays in force."
        case LoopState.REFUSED:
            refused = [instance for instance in run.instances if instance.verdict.refused]
            reasons = "; ".join(f"{instance.name}: {'; '.join(instance.verdict.reasons)}" for instance in refused)
            return f"Nothing is changed there before a person has looked: {reasons}."
        case LoopState.DEGRADED:
            return _down_text([instance for instance in view.instances if not instance.is_healthy], view)
        case LoopState.ATTENTION if actions.needs.action_count:
            return f"{capitalize_sentence(_need_text(actions.needs))}."
        case LoopState.ATTENTION:
            return capitalize_sentence(f"{brief_summary_text(run)}.")
        case LoopState.PENDING:
            return capitalize_sentence(f"{'; '.join(_iter_pending_texts(view, actions))}.")
        case _:
            return _in_sync_text(view)


def advise_loop(view: LoopView, actions: OpenActions) -> str:
    """Return what a person should do about the state of the loop."""
    match view.state:
        case LoopState.STUCK:
            return "Restart the process. Its log says what it waited for. All below is from its last run."
        case LoopState.STARTING:
            return "Wait for the first run."
        case LoopState.INVALID if view.last_run:
            return f"Correct {view.last_run.problems[0].position}."
        case LoopState.REFUSED:
            return "Look at the plan. Approve it if it is what you want; if not, correct the desired state."
        case LoopState.DEGRADED:
            return _advise_repair({_get_status(instance) for instance in view.instances if not instance.is_healthy})
        case LoopState.IN_SYNC if manages_nothing(view):
            return "Declare torrents in the desired state. `reconcile import` writes entries for what is there."
        case LoopState.IN_SYNC:
            return "Nothing to do."
        case _:
            return _advise_waiting(view, actions)


def _advise_waiting(view: LoopView, actions: OpenActions) -> str:
    run = view.last_run.run if view.last_run else None
    if run and run.mode is RunMode.DRY_RUN:
        return "Look at the plan. A watch without `--dry-run` carries it out."
    if actions.needs.action_count:
        return _advise_needs(actions.needs)
    if view.state is LoopState.ATTENTION:
        return "Look at the plan: it says what holds it up."
    if run and any(instance.status is Status.SUSPENDED for instance in run.instances):
        return "Resume what is suspended when its changes may be made."
    return "Nothing to do: it goes on by itself."


def _advise_needs(needs: GroupList) -> str:
    if all(group.label == CONTESTED_LABEL for group in needs.groups):
        return "Find what changes it back, such as another program, or declare what that one wants."
    return f"See below what {'it needs' if needs.action_count == 1 else 'each of them needs'}."


def _get_status(instance: InstanceView) -> Status:
    if instance.backoff:
        return instance.backoff.status
    return instance.result.status if instance.result else Status.UNKNOWN


def _advise_repair(statuses: set[Status]) -> str:
    match list(statuses):
        case [Status.AUTH_FAILED]:
            return "Correct the credentials: they are not sent again before they change."
        case [Status.UNHEALTHY]:
            return "Repair what its probes check: until then nothing but preferences is changed there."
        case _:
            return "Repair what is down. It is tried again by itself."


def _need_text(needs: GroupList) -> str:
    """Return the number of actions that need a person, and the gravest one."""
    first = needs.groups[0]
    example = f"{first.items[0].name} on {first.place}: {first.reason}"
    if needs.action_count == 1:
        return f"1 item cannot go on without a person: {example}"
    return f"{needs.action_count:,} items cannot go on without a person, such as {example}"


def _down_text(down: list[InstanceView], view: LoopView) -> str:
    if len(down) == 1:
        return f"{down[0].name}: {find_down_reason(down[0]).partition('. ')[0].rstrip('.')}."
    names = ", ".join(instance.name for instance in down)
    return f"{len(down):,} of {len(view.instances):,} instances are down or unhealthy: {names}."


def _iter_pending_texts(view: LoopView, actions: OpenActions) -> Iterator[str]:
    run = view.last_run.run if view.last_run else None
    suspended = [instance.name for instance in run.instances if instance.status is Status.SUSPENDED] if run else []
    if run and run.mode is RunMode.DRY_RUN:
        yield "this watch is a dry-run, which changes nothing"
    elif suspended:
        yield f"{', '.join(suspended)} {'is' if len(suspended) == 1 else 'are'} suspended: shown, and not changed"
    if actions.differences.action_count:
        verb = "differs or waits" if actions.differences.action_count == 1 else "differ or wait"
        yield f"{format_count(actions.differences.action_count, 'item')} {verb}"
    if actions.needs.action_count:
        yield _need_text(actions.needs)


def _in_sync_text(view: LoopView) -> str:
    counts = [count_torrents(instance.result) for instance in view.instances if instance.result and instance.is_read]
    owned, foreign = sum(owned for owned, _ in counts), sum(foreign for _, foreign in counts)
    where = format_count(len(counts), "instance")
    not_ours = f"; {foreign:,} there {'is' if foreign == 1 else 'are'} not ours" if foreign else ""
    if manages_nothing(view):
        return f"{format_count(foreign, 'torrent')} on {where}, none of them declared or ours."
    return f"Everything is as declared: {format_count(owned, 'torrent')} of ours on {where}{not_ours}."
