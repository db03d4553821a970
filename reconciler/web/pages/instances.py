"""The instances as the overview shows them: state, versions, health, what is ours, and what qBittorrent reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from reconciler.model.health import Health, HealthState, ProbeHealth
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.live_state import LiveState
from reconciler.model.plan import ObjectKind, Verb
from reconciler.model.rows import InstanceRows
from reconciler.model.run import InstanceResult, Status
from reconciler.report.phrases import describe_mark, strip_instance_prefix
from reconciler.web.instance_label import label_instance
from reconciler.web.loop_view import InstanceView, LoopView

RATES_LAST: Final = timedelta(seconds=30)  # after that a transfer rate is no longer known
_HEALTH_TEXTS: Final = {
    HealthState.OK: "healthy",
    HealthState.VPN_DOWN: "VPN is down",
    HealthState.NOT_CONFIGURED: "VPN cannot be checked",
    HealthState.AUTH_FAILED: "credentials refused",
}
_OWNED_CHANGES: Final = {Verb.ADD: 1, Verb.ADOPT: 1, Verb.DELETE: -1}


@dataclass(frozen=True, slots=True)
class TransferFacts:
    """The free space, in bytes, and when it was read; the rates in bytes per second. None: not known."""

    free_space: int | None = None
    space_at: datetime | None = None
    download_rate: int | None = None
    upload_rate: int | None = None


@dataclass(frozen=True, slots=True)
class InstanceCells:
    """A row of the table of instances. A value that is not known is None, or empty.

    `web_ui`: the address of its Web UI, as the loop reaches it. `down_reason`: why it is not healthy, empty if it is.
    `next_label` says what happens at `next_at`: run, try or look. `suspended_until`: a person has suspended it for a
    while. `notes` are other facts that a person may want to know.
    """

    name: str
    web_ui: str
    label: str
    tone: str
    since: datetime | None
    version: str
    web_api: str
    health: str
    health_since: datetime | None
    probes: tuple[ProbeHealth, ...]
    owned: int | None
    foreign: int | None
    facts: TransferFacts
    read_at: datetime | None
    next_label: str
    next_at: datetime | None
    down_reason: str
    has_refused_credentials: bool
    suspended_until: datetime | None
    notes: tuple[str, ...]
    is_suspended: bool

    @property
    def failing_probes(self) -> tuple[ProbeHealth, ...]:
        """The probes that do not pass."""
        return tuple(probe for probe in self.probes if probe.state is not HealthState.OK)


def build_instance_cells(view: LoopView, known_rows: Mapping[str, InstanceRows]) -> tuple[InstanceCells, ...]:
    """Return a row for each instance. `known_rows`: what was last read for clients, by instance."""
    live_state = view.last_run.live_state if view.last_run else None
    return tuple(
        _build_row(instance, view, find_transfer_facts(instance.name, view.now, known_rows, live_state))
        for instance in view.instances
    )


def _build_row(instance: InstanceView, view: LoopView, facts: TransferFacts) -> InstanceCells:
    result, label, health = instance.result, label_instance(instance), _get_health(instance)
    owned, foreign = count_torrents(result) if result and instance.is_read else (None, None)
    status = instance.backoff.status if instance.backoff else result.status if result else None
    next_label, next_at = _find_next_attempt(instance, view)
    return InstanceCells(
        name=instance.name,
        web_ui=instance.url if instance.url and instance.url.startswith(("http://", "https://")) else "",
        label=label.text,
        tone=label.tone,
        since=instance.since,
        version=(result and result.version) or "",
        web_api=(result and result.web_api) or "",
        health=_HEALTH_TEXTS.get(health.state, str(health.state).lower()) if health else "",
        health_since=health.since if health else None,
        probes=health.probes if health else (),
        owned=owned,
        foreign=foreign,
        facts=facts,
        read_at=instance.read_at,
        next_label=next_label,
        next_at=next_at,
        down_reason="" if instance.is_healthy or not (result or instance.backoff) else find_down_reason(instance),
        has_refused_credentials=status in (Status.AUTH_FAILED, Status.BANNED),
        suspended_until=result.suspended_until if result else None,
        notes=tuple(_iter_notes(result)) if result else (),
        is_suspended=result is not None and result.status is Status.SUSPENDED,
    )


def count_torrents(result: InstanceResult) -> tuple[int, int]:
    """Return the torrents of ours and the others, after what a run has changed: it has counted before that."""
    owned, total = result.owned, result.owned + result.foreign
    for item in result.results:
        if item.has_effect and item.action.kind is ObjectKind.TORRENT:
            owned += _OWNED_CHANGES.get(item.action.verb, 0)
            total += 0 if item.action.verb is Verb.ADOPT else _OWNED_CHANGES.get(item.action.verb, 0)
    return max(0, owned), max(0, total - owned)


def find_transfer_facts(
    name: str, now: datetime, known_rows: Mapping[str, InstanceRows], live_state: LiveState | None
) -> TransferFacts:
    """Return what is known without asking an instance: what was read for clients, else what the last run has read."""
    rows = known_rows.get(name)
    state = rows.server_state if rows and rows.read_at else {}
    space, space_at = _get_number(state, "free_space_on_disk"), rows.read_at if rows else None
    if space is None and live_state:
        space, space_at = live_state.facts.free_space.get(name), live_state.taken_at
    if not (rows and rows.is_read and rows.read_at and now - rows.read_at < RATES_LAST):
        state = {}
    return TransferFacts(
        space,
        space_at if space is not None else None,
        _get_number(state, "dl_info_speed"),
        _get_number(state, "up_info_speed"),
    )


def find_down_reason(instance: InstanceView) -> str:
    """Return the reason why an instance is not healthy."""
    error = (instance.backoff and instance.backoff.reason) or (instance.result and instance.result.error)
    return strip_instance_prefix(instance.name, error) if error else label_instance(instance).text


def _get_number(state: Mapping[str, object], name: str) -> int | None:
    value = state.get(name)
    return value if isinstance(value, int) and value >= 0 else None


def _get_health(instance: InstanceView) -> Health | None:
    """Return its health as the probes found it; None without probes, or if it was not read."""
    health = instance.result.health if instance.result and instance.is_read else None
    return health if health and (health.probes or not health.is_healthy) else None


def _find_next_attempt(instance: InstanceView, view: LoopView) -> tuple[str, datetime | None]:
    if instance.backoff:  # refused credentials are not sent again
        step = "look" if instance.backoff.status is Status.AUTH_FAILED else "try"
        return step, instance.backoff.until
    return "run", view.next_run_at


def _iter_notes(result: InstanceResult) -> Iterator[str]:
    if not result.verdict.refused:
        yield from (f"guard: {reason}" for reason in result.verdict.reasons)
    if result.same_server:
        yield f"it is the same server as {result.same_server}"
    if result.marks:
        yield f"other desired states change it too: {', '.join(map(describe_mark, result.marks))}"
    if result.spared:
        yield f"{len(result.spared):,} spared"
