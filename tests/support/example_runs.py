"""Runs to be reported: each a case of the golden tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Final

from reconciler.model.expectation import ActionSummary, PlanDifference, PlanExpectation
from reconciler.model.groups import ActionPlacement, DrainProgress, KeptCopy, PendingTorrent
from reconciler.model.health import Health, HealthState, ProbeHealth
from reconciler.model.plan import (
    Action,
    AddCategory,
    AddTorrent,
    AdoptTorrent,
    Blast,
    Change,
    DeleteCategory,
    DeleteTorrent,
    EndlessChange,
    FaultKind,
    GuardCount,
    GuardVerdict,
    ObjectKind,
    Outcome,
    SetPreference,
    SparedTorrent,
    TorrentFault,
    UpdateTorrent,
    Verb,
)
from reconciler.model.position import Position, Problem
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, SnapshotAge, Status
from reconciler.model.secret import Secret

PLAN_HASH: Final = "sha256:" + "0123456789abcdef" * 4
# what a name can try: terminal escapes, a reversed ending, a runner's command, an end of a code fence, a table, HTML
HOSTILE_NAME: Final = (
    "a\x1b[2J\x1b]0;x\x07b\u202egpj.exe\n::error::x ##[stop-commands]y ```` | <img src=x> @team ​\ud800`"
)


def make_position(line: int) -> Position:
    """Return a position in `desired.yaml`."""
    return Position("desired.yaml", line, 5)


def make_infohash(number: int) -> str:
    """Return an infohash that begins with the number."""
    return f"{number:010x}" + "0" * 30


def make_torrent_action(verb: Verb, name: str, reason: str, *changes: Change, number: int, **rest: object) -> Action:
    """An action on a torrent."""
    position = None if verb is Verb.DELETE else make_position(number)
    action_type = _TORRENT_ACTION_TYPES[verb]
    return action_type(name, reason, changes, position, infohash=make_infohash(number), **rest)  # type: ignore[arg-type]


def make_instance_result(name: str, results: tuple[ActionResult, ...] = (), **rest: object) -> InstanceResult:
    """An instance that answered."""
    instance = InstanceResult(name, Status.OK, None, "v5.1.0", "2.11.4", requests=4, owned=12, results=results)
    return replace(instance, **rest)  # type: ignore[arg-type]


_TORRENT_ACTION_TYPES: Final = {
    action_type.verb: action_type for action_type in (AddTorrent, AdoptTorrent, UpdateTorrent, DeleteTorrent)
}
ACTIONS: Final[tuple[Action, ...]] = (
    SetPreference(
        "proxy_password",
        "value differs",
        (Change("value", "(secret)", "(secret)"),),
        position=make_position(6),
        value=Secret("hunter2"),
    ),
    SetPreference(
        "queueing_enabled",
        "value differs",
        (Change("value", True, False),),
        position=make_position(7),
        value=False,
    ),
    AddCategory(
        "films",
        "not on the instance",
        (Change("save_path", None, "/d/films"),),
        position=make_position(9),
    ),
    make_torrent_action(
        Verb.ADD,
        "Sintel",
        "not on the instance",
        Change("owner", None, "home"),
        Change("name", None, "Sintel"),
        Change("category", None, "films"),
        Change("tags", None, ("free", "open")),
        Change("paused", None, False),
        number=20,
    ),
    make_torrent_action(
        Verb.ADOPT,
        "进击的巨人 第一季",
        "declared, not ours yet; category differs",
        Change("owner", None, "home"),
        Change("category", "", "films"),
        number=24,
    ),
    make_torrent_action(
        Verb.UPDATE,
        "Tears of Steel",
        "tags and save_path differ",
        Change("tags", ("a", "b"), ("b", "iso")),
        Change("save_path", "/d", "/d/films"),
        number=28,
        disruptive=True,
    ),
    make_torrent_action(
        Verb.UPDATE,
        "Cosmos Laundromat",
        "its files are missing",
        Change("paused", True, False),
        number=32,
        hold=Outcome.BLOCKED,
    ),
    make_torrent_action(
        Verb.UPDATE,
        "going.iso",
        "no longer declared: in quarantine through 2026-11-28 (UTC), then deleted",
        Change("quarantine", (), ("2026-11-28",)),
        Change("paused", False, True),
        number=39,
        blast=Blast(1, 700 << 20, seeding=True, other_seeds=4),
    ),
    make_torrent_action(
        Verb.DELETE,
        "old.iso",
        "no longer declared",
        Change("owner", "home", None),
        number=40,
        blast=Blast(1, 3 << 30, seeding=True, other_seeds=0, shares_with=(make_infohash(20),)),
    ),
    make_torrent_action(
        Verb.DELETE, "older.iso", "no longer declared", number=41, delete_files=True, blast=Blast(1, 5 << 20)
    ),
    DeleteCategory("unused", "not declared, and no torrent is in it"),
)
ADD_ACTION: Final = ACTIONS[3]
DELETE_ACTION: Final = ACTIONS[8]
SPARED_TORRENTS: Final = (SparedTorrent(make_infohash(50), "dear.iso", "it has the tag reconcile:protect"),)
UNREACHABLE_RESULT: Final = InstanceResult(
    "attic", Status.UNREACHABLE, "no connection to http://attic:8080: connection refused"
)


def planned() -> Run:
    """A plan with every kind of action; one instance is down and one is in sync."""
    results = tuple(ActionResult(action, action.hold or Outcome.PLANNED) for action in ACTIONS)
    home = make_instance_result("home", results, foreign=3, unchanged=10, spared=SPARED_TORRENTS)
    warnings = (Problem(make_position(4), "W001", "the password stands in the file", "Use {env: NAME}"),)
    return Run(
        RunMode.DRY_RUN,
        PLAN_HASH,
        1,
        (UNREACHABLE_RESULT, home, make_instance_result("seedbox", unchanged=12)),
        warnings,
    )


def applied() -> Run:
    """The same plan, applied, with every kind of failure."""
    outcomes = dict.fromkeys(range(len(ACTIONS)), (Outcome.APPLIED, None)) | {
        0: (Outcome.FAILED, "qBittorrent made something else of it; declare a value that it keeps"),
        4: (Outcome.FAILED, "accepted, but the instance does not show it"),
        5: (Outcome.DEFERRED, "its data is still being moved"),
        6: (Outcome.BLOCKED, None),
        9: (Outcome.DROPPED, "it has got the tag reconcile:protect since it was planned"),
    }
    results = tuple(ActionResult(action, *outcomes[index]) for index, action in enumerate(ACTIONS))
    return Run(RunMode.APPLY, PLAN_HASH, 1, (make_instance_result("home", results, unchanged=10),))


def placed() -> Run:
    """Groups: placements with reasons, a surplus copy, a pending torrent, and a torrent without a possible member."""
    here = ActionPlacement(
        "resilient", "the first that can take it (attic: down since 10:00:00 UTC: connection refused)"
    )
    gone = ActionPlacement("resilient", "seedbox has it, complete", KeptCopy("seedbox", make_infohash(3), 7))
    results = (
        ActionResult(
            make_torrent_action(Verb.ADD, "Sintel", "not on the instance", number=20, placement=here), Outcome.PLANNED
        ),
        ActionResult(
            make_torrent_action(
                Verb.DELETE, "twice.iso", "surplus: seedbox has it, complete", number=3, placement=gone
            ),
            Outcome.PLANNED,
        ),
    )
    spared = (SparedTorrent(make_infohash(5), "half.iso", "wide: stays here until seedbox has as much of it (34 %)"),)
    until = datetime(2026, 1, 1, 10, 2, tzinfo=UTC)
    since = until - timedelta(minutes=2)
    waits = "waits until 10:02:00 UTC: attic has it and is down since 10:00:00 UTC: connection refused"
    nowhere = "no member can take it: attic: down since 10:00:00 UTC: connection refused; seedbox: it is suspended"
    pending = (
        PendingTorrent(
            make_infohash(60),
            "tears.mkv",
            "resilient",
            f"{waits}; it goes to home then",
            make_position(60),
            until,
            since,
        ),
        PendingTorrent(make_infohash(64), HOSTILE_NAME, "away", nowhere, make_position(64)),
    )
    instances = (
        UNREACHABLE_RESULT,
        make_instance_result("home", results, spared=spared, unchanged=3),
        make_instance_result("seedbox", unchanged=1),
    )
    drains = (
        DrainProgress("home", "wide", 12, 3, (("moves to attic later: the guard allows only so many at a time", 9),)),
        DrainProgress("attic", "resilient", None),
        DrainProgress("seedbox", "wide", 0),
    )
    return Run(RunMode.DRY_RUN, PLAN_HASH, 1, instances, pending=pending, drains=drains)


def converged() -> Run:
    """A run with nothing to do."""
    return Run(
        RunMode.APPLY,
        PLAN_HASH,
        0,
        (
            make_instance_result("home", unchanged=12),
            make_instance_result("seedbox", unchanged=1_200, foreign=7, owned=1_200),
        ),
    )


FAULTS: Final = (
    TorrentFault(make_infohash(20), "Sintel", FaultKind.ERROR, "qBittorrent reports an error", make_position(20)),
    TorrentFault(make_infohash(24), HOSTILE_NAME, FaultKind.MISSING_FILES, "its files are missing", make_position(24)),
    TorrentFault(
        make_infohash(28), "Tears of Steel", FaultKind.NO_METADATA, "no metadata yet", make_position(28), False
    ),
)

STUCK_FAULT: Final = TorrentFault(
    make_infohash(32),
    "Spring",
    FaultKind.NO_METADATA,
    "no metadata since 08:00:00 UTC: no peer has sent it, and no other instance has it",
    make_position(32),
)


def faulty() -> Run:
    """Torrents that do not work: on one instance beside a change, on others they wait or recover."""
    return Run(
        RunMode.APPLY,
        PLAN_HASH,
        1,
        (
            make_instance_result("attic", unchanged=2, faults=(*FAULTS[:1], STUCK_FAULT)),
            make_instance_result("home", (ActionResult(ADD_ACTION, Outcome.APPLIED),), unchanged=3, faults=FAULTS),
            make_instance_result("seedbox", unchanged=1, faults=FAULTS[2:]),
        ),
    )


def endless() -> Run:
    """A dry-run with changes that every run would plan again."""
    limit = Change("value", 500, 0)
    name = Change("name", "Sintel", "Sintel ")
    actions = (
        SetPreference("max_connec", "value differs", (limit,), position=make_position(6), value=0),
        make_torrent_action(Verb.UPDATE, "Sintel ", "name differs", name, number=20),
    )
    changes = (
        EndlessChange("home", ObjectKind.PREFERENCE, "max_connec", Change("value", -1, 0), position=make_position(6)),
        EndlessChange("home", ObjectKind.TORRENT, "Sintel ", name, make_infohash(20), make_position(20)),
    )
    results = tuple(ActionResult(action, Outcome.PLANNED) for action in actions)
    instance = make_instance_result("home", results, unchanged=11)
    return Run(RunMode.DRY_RUN, PLAN_HASH, 1, (instance,), endless=changes)


def refused() -> Run:
    """Too many deletions on one instance; the other goes on."""
    reasons = ("12 deletions are more than max_delete 10", "12 of 60 owned torrents (20 %) are …")
    doomed = tuple(
        ActionResult(make_torrent_action(Verb.DELETE, f"{n}.iso", "no longer declared", number=n), Outcome.PLANNED)
        for n in range(12)
    )
    fine = (ActionResult(ADD_ACTION, Outcome.APPLIED),)
    counts = (
        GuardCount("deletions", 12, "max_delete", 10),
        GuardCount("deletions with data", 0, "max_delete_files", 10),
        GuardCount("owned torrents to delete", 12, "max_delete_percent", 20, owned=60),
        GuardCount("torrents to move", 0, "max_move", 10),
    )
    return Run(
        RunMode.APPLY,
        PLAN_HASH,
        3,
        (
            make_instance_result("home", doomed, verdict=GuardVerdict(True, reasons, counts)),
            make_instance_result("seedbox", fine),
        ),
    )


def unexpected() -> Run:
    """A plan from a snapshot that lacks an instance, and that is not the expected plan."""
    title = ActionSummary("home", "update", "torrent", make_infohash(1), "Sintel", (Change("name", "a", "Sintel"),))
    limit = ActionSummary("home", "update", "preference", "dl_limit", "dl_limit", (Change("value", 0, 1024),))
    gone = ActionSummary("home", "delete", "torrent", make_infohash(2), "old.iso", delete_files=True)
    other = replace(title, changes=(Change("name", "a", "Sintel (2010)"),), outcome=Outcome.DEFERRED)
    difference = PlanDifference((gone,), (limit,), ((title, other),))
    reason = "attic could not be read, so the plan is not whole"
    return replace(
        planned(),
        exit_code=3,
        instances=(
            InstanceResult("attic", Status.UNKNOWN, "attic: it is not in the snapshot. Take a new one"),
            *planned().instances[1:],
        ),
        expectation=PlanExpectation("sha256:" + "f" * 64, reason, difference),
        snapshot_age=SnapshotAge(datetime(2026, 1, 2, 9, tzinfo=UTC), 3 * 3600 + 60),
    )


def accepted() -> Run:
    """A refusal that a person has overruled, and an instance that is suspended."""
    reasons = ("1 deletion is more than max_delete 0; accepted by its hash",)
    doomed = (ActionResult(DELETE_ACTION, Outcome.APPLIED),)
    suspended = make_instance_result("seedbox", (ActionResult(ADD_ACTION, Outcome.PLANNED),), status=Status.SUSPENDED)
    return Run(
        RunMode.APPLY,
        PLAN_HASH,
        0,
        (make_instance_result("home", doomed, verdict=GuardVerdict(False, reasons)), suspended),
    )


def unhealthy() -> Run:
    """The VPN of an instance is down: the kill switch has stopped what ran, and the rest waits."""
    since = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
    error = "interface wg0: qBittorrent is bound to eth0"
    probes = (
        ProbeHealth("interface wg0", HealthState.VPN_DOWN, since, error[15:], "Correct it", 0, error[15:]),
        ProbeHealth("tcp 10.2.0.1:53", HealthState.OK, since - timedelta(hours=1), "takes connections"),
    )
    health = Health(HealthState.VPN_DOWN, since, error, probes)
    changes = (Change("held", None, "running"), Change("paused", False, True))
    stop = make_torrent_action(Verb.UPDATE, "Sintel", health.reason, *changes, number=20, urgent=True)
    waits = replace(ACTIONS[3], hold=Outcome.DEFERRED, reason=f"{ACTIONS[3].reason}; waits: {health.reason}")
    results = (ActionResult(stop, Outcome.APPLIED), ActionResult(waits, Outcome.DEFERRED))
    seedbox = make_instance_result("seedbox", results, status=Status.UNHEALTHY, error=health.reason, health=health)
    return Run(RunMode.APPLY, PLAN_HASH, 1, (make_instance_result("home", unchanged=3), seedbox))


def hostile() -> Run:
    """Names and answers with control sequences for terminals and formats."""
    action = make_torrent_action(
        Verb.UPDATE, HOSTILE_NAME, "category differs", Change("category", "", HOSTILE_NAME), number=7
    )
    results = (ActionResult(action, Outcome.FAILED, HOSTILE_NAME),)
    spared = (SparedTorrent(make_infohash(8), HOSTILE_NAME, "policy upsert does not delete"),)
    return Run(
        RunMode.APPLY,
        PLAN_HASH,
        1,
        (make_instance_result("home", results, spared=spared, error=HOSTILE_NAME, status=Status.ERROR),),
    )


@cache
def huge(count: int = 10_000) -> Run:
    """Ten thousand changes of a few kinds, one of which failed, and as many spared."""

    def make_change_result(number: int) -> ActionResult:
        tags = (Change("tags", (), ("x",)),) if number % 10 == 0 else ()
        changes = (Change("category", "", "linux"), *tags)
        action = make_torrent_action(
            Verb.UPDATE, f"linux-{number}.iso", "category differs", *changes, number=number + 1
        )
        return ActionResult(action, *((Outcome.FAILED, "it said no") if number == 7_777 else (Outcome.APPLIED, None)))

    spared = tuple(
        SparedTorrent(make_infohash(n), f"spared-{n}", "policy upsert does not delete") for n in range(count)
    )
    return Run(
        RunMode.APPLY,
        PLAN_HASH,
        1,
        (make_instance_result("home", tuple(make_change_result(n) for n in range(count)), spared=spared, owned=count),),
    )


@cache
def mass(count: int = 10_000) -> Run:
    """Ten thousand of each verb, each of its own kind: nothing in it can be grouped."""

    def make_torrent_results(verb: Verb, *changes: str, start: int) -> list[ActionResult]:
        results = []
        for number in range(start, start + count):
            made = [Change(field, None, f"value-{number}") for field in changes]
            blast = Blast(1, number << 20, number % 2 == 0, number % 3)
            more = {"blast": blast} if verb is Verb.DELETE else {}
            action = make_torrent_action(
                verb, f"torrent-{number}.iso", f"reason {number}", *made, number=number, **more
            )
            results.append(ActionResult(action, Outcome.PLANNED))
        return results

    def make_setting_results(make_action: Callable[[str, str, tuple[Change, ...]], Action]) -> list[ActionResult]:
        change = (Change("value", "old", "new"),)
        kind = make_action("", "", ()).kind
        return [
            ActionResult(make_action(f"{kind}-{number}", f"reason {number}", change), Outcome.PLANNED)
            for number in range(count)
        ]

    actions = [
        *make_setting_results(partial(SetPreference, value="new")),
        *make_setting_results(AddCategory),
        *make_setting_results(DeleteCategory),
        *make_torrent_results(Verb.ADD, "category", "save_path", start=0),
        *make_torrent_results(Verb.ADOPT, "category", start=10_000),
        *make_torrent_results(Verb.UPDATE, "tags", start=20_000),
        *make_torrent_results(Verb.DELETE, start=30_000),
    ]
    return Run(RunMode.DRY_RUN, PLAN_HASH, 0, (make_instance_result("home", tuple(actions), owned=count),))


CASES: Final[dict[str, Callable[[], Run]]] = {
    case.__name__: case
    for case in (
        planned,
        applied,
        placed,
        converged,
        faulty,
        endless,
        refused,
        accepted,
        unexpected,
        unhealthy,
        hostile,
        huge,
        mass,
    )
}

# The same, with fewer of what each reader cuts after some tens: for readers that show no count of them
SHORT_CASES: Final = CASES | {"huge": partial(huge, 300), "mass": partial(mass, 300)}
