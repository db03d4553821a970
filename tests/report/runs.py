"""Runs to be reported: each a case of the golden tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from reconciler.model.groups import Copy, Pending, Placed
from reconciler.model.health import Health, ProbeHealth, State
from reconciler.model.plan import Action, Blast, Change, Kind, Outcome, Spared, Verb, Verdict
from reconciler.model.position import Position, Problem
from reconciler.model.run import ActionResult, InstanceResult, Mode, Run, Status
from reconciler.model.secret import Secret

HASH: Final = "sha256:" + "0123456789abcdef" * 4
# what a name can try: terminal escapes, a reversed ending, a runner's command, an end of a code fence, a table, HTML
EVIL: Final = "a\x1b[2J\x1b]0;x\x07b\u202egpj.exe\n::error::x ##[stop-commands]y ```` | <img src=x> @team ​\ud800`"


def at(line: int) -> Position:
    """A place in the one file of all cases."""
    return Position("desired.yaml", line, 5)


def infohash(number: int) -> str:
    """An infohash whose beginning tells it from others."""
    return f"{number:010x}" + "0" * 30


def torrent(verb: Verb, name: str, reason: str, *changes: Change, number: int, **rest: object) -> Action:
    """An action on a torrent."""
    source = None if verb is Verb.DELETE else at(number)
    action = Action(verb, Kind.TORRENT, name, reason, changes, infohash=infohash(number), source=source)
    return replace(action, **rest)  # type: ignore[arg-type]


def ok(name: str, results: tuple[ActionResult, ...] = (), **rest: object) -> InstanceResult:
    """An instance that answered."""
    instance = InstanceResult(name, Status.OK, None, "v5.1.0", "2.11.4", requests=4, owned=12, results=results)
    return replace(instance, **rest)  # type: ignore[arg-type]


ACTIONS: Final = (
    Action(
        Verb.UPDATE,
        Kind.PREFERENCE,
        "proxy_password",
        "value differs",
        (Change("value", "(secret)", "(secret)"),),
        source=at(6),
        value=Secret("hunter2"),
    ),
    Action(
        Verb.UPDATE, Kind.PREFERENCE, "queueing_enabled", "value differs", (Change("value", True, False),), source=at(7)
    ),
    Action(
        Verb.ADD, Kind.CATEGORY, "films", "not on the instance", (Change("save_path", None, "/d/films"),), source=at(9)
    ),
    torrent(
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
    torrent(
        Verb.ADOPT,
        "进击的巨人 第一季",
        "declared, not ours yet; category differs",
        Change("owner", None, "home"),
        Change("category", "", "films"),
        number=24,
    ),
    torrent(
        Verb.UPDATE,
        "Tears of Steel",
        "tags and save_path differ",
        Change("tags", ("a", "b"), ("b", "iso")),
        Change("save_path", "/d", "/d/films"),
        number=28,
        disruptive=True,
    ),
    torrent(
        Verb.UPDATE,
        "Cosmos Laundromat",
        "its files are missing",
        Change("paused", True, False),
        number=32,
        hold=Outcome.BLOCKED,
    ),
    torrent(
        Verb.UPDATE,
        "going.iso",
        "no longer declared: in quarantine through 2026-11-28 (UTC), then deleted",
        Change("quarantine", (), ("2026-11-28",)),
        Change("paused", False, True),
        number=39,
        blast=Blast(1, 700 << 20, seeding=True, other_seeds=4),
    ),
    torrent(
        Verb.DELETE,
        "old.iso",
        "no longer declared",
        Change("owner", "home", None),
        number=40,
        blast=Blast(1, 3 << 30, seeding=True, other_seeds=0, shares_with=(infohash(20),)),
    ),
    torrent(Verb.DELETE, "older.iso", "no longer declared", number=41, delete_files=True, blast=Blast(1, 5 << 20)),
    Action(Verb.DELETE, Kind.CATEGORY, "unused", "not declared, and no torrent is in it"),
)
ADDED: Final = ACTIONS[3]
DELETED: Final = ACTIONS[8]
SPARED: Final = (Spared(infohash(50), "dear.iso", "it has the tag reconcile:protect"),)
DOWN: Final = InstanceResult("attic", Status.UNREACHABLE, "no connection to http://attic:8080: connection refused")


def planned() -> Run:
    """Some of everything, before it is done; one instance is down and one in sync."""
    results = tuple(ActionResult(action, action.hold or Outcome.PLANNED) for action in ACTIONS)
    home = ok("home", results, foreign=3, unchanged=10, spared=SPARED)
    warnings = (Problem(at(4), "the password stands in the file", "Use {env: NAME}"),)
    return Run(Mode.DRY_RUN, HASH, 1, (DOWN, home, ok("seedbox", unchanged=12)), warnings)


def applied() -> Run:
    """The same, done, with each way in which it can go wrong."""
    outcomes = dict.fromkeys(range(len(ACTIONS)), (Outcome.APPLIED, None)) | {
        0: (Outcome.FAILED, "qBittorrent made something else of it; declare a value that it keeps"),
        4: (Outcome.FAILED, "accepted, but the instance does not show it"),
        5: (Outcome.DEFERRED, "its data is still being moved"),
        6: (Outcome.BLOCKED, None),
        9: (Outcome.DROPPED, "it has got the tag reconcile:protect since it was planned"),
    }
    results = tuple(ActionResult(action, *outcomes[index]) for index, action in enumerate(ACTIONS))
    return Run(Mode.APPLY, HASH, 1, (ok("home", results, unchanged=10),))


def placed() -> Run:
    """Groups: why each is where it goes, a copy that is superfluous, one that waits, and one with nowhere to be."""
    here = Placed("resilient", "the first that can take it (attic: down since 10:00:00 UTC: connection refused)")
    gone = Placed("resilient", "seedbox has it, complete", Copy("seedbox", infohash(3), 7))
    results = (
        ActionResult(torrent(Verb.ADD, "Sintel", "not on the instance", number=20, placed=here), Outcome.PLANNED),
        ActionResult(
            torrent(Verb.DELETE, "twice.iso", "surplus: seedbox has it, complete", number=3, placed=gone),
            Outcome.PLANNED,
        ),
    )
    spared = (Spared(infohash(5), "half.iso", "wide: stays here until it is complete on seedbox (34 %)"),)
    until = datetime(2026, 1, 1, 10, 2, tzinfo=UTC)
    since = until - timedelta(minutes=2)
    waits = "waits until 10:02:00 UTC: attic has it and is down since 10:00:00 UTC: connection refused"
    nowhere = "no member can take it: attic: down since 10:00:00 UTC: connection refused; seedbox: it is suspended"
    pending = (
        Pending(infohash(60), "tears.mkv", "resilient", f"{waits}; it goes to home then", at(60), until, since),
        Pending(infohash(64), EVIL, "away", nowhere, at(64)),
    )
    instances = (DOWN, ok("home", results, spared=spared, unchanged=3), ok("seedbox", unchanged=1))
    return Run(Mode.DRY_RUN, HASH, 1, instances, pending=pending)


def converged() -> Run:
    """Nothing to do."""
    return Run(Mode.APPLY, HASH, 0, (ok("home", unchanged=12), ok("seedbox", unchanged=1_200, foreign=7, owned=1_200)))


def refused() -> Run:
    """Too many deletions on one instance; the other goes on."""
    reasons = ("12 deletions are more than max_delete 10", "12 of 60 owned torrents (20 %) are …")
    doomed = tuple(
        ActionResult(torrent(Verb.DELETE, f"{n}.iso", "no longer declared", number=n), Outcome.PLANNED)
        for n in range(12)
    )
    fine = (ActionResult(ADDED, Outcome.APPLIED),)
    return Run(Mode.APPLY, HASH, 3, (ok("home", doomed, verdict=Verdict(True, reasons)), ok("seedbox", fine)))


def accepted() -> Run:
    """A refusal that a person has overruled, and an instance that is suspended."""
    reasons = ("1 deletion is more than max_delete 0; accepted by its hash",)
    doomed = (ActionResult(DELETED, Outcome.APPLIED),)
    suspended = ok("seedbox", (ActionResult(ADDED, Outcome.PLANNED),), status=Status.SUSPENDED)
    return Run(Mode.APPLY, HASH, 0, (ok("home", doomed, verdict=Verdict(False, reasons)), suspended))


def unhealthy() -> Run:
    """The VPN of an instance is down: the kill switch has stopped what ran, and the rest waits."""
    since = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
    error = "interface wg0: qBittorrent is bound to eth0"
    probes = (
        ProbeHealth("interface wg0", State.VPN_DOWN, since, error[15:], "Correct it", 0, error[15:]),
        ProbeHealth("tcp 10.2.0.1:53", State.OK, since - timedelta(hours=1), "takes connections"),
    )
    health = Health(State.VPN_DOWN, since, error, probes)
    changes = (Change("held", None, "running"), Change("paused", False, True))
    stop = torrent(Verb.UPDATE, "Sintel", health.why, *changes, number=20, urgent=True)
    waits = replace(ACTIONS[3], hold=Outcome.DEFERRED, reason=f"{ACTIONS[3].reason}; waits: {health.why}")
    results = (ActionResult(stop, Outcome.APPLIED), ActionResult(waits, Outcome.DEFERRED))
    part = ok("seedbox", results, status=Status.UNHEALTHY, error=health.why, health=health)
    return Run(Mode.APPLY, HASH, 1, (ok("home", unchanged=3), part))


def hostile() -> Run:
    """Names and answers that try to drive whatever shows them."""
    action = torrent(Verb.UPDATE, EVIL, "category differs", Change("category", "", EVIL), number=7)
    results = (ActionResult(action, Outcome.FAILED, EVIL),)
    spared = (Spared(infohash(8), EVIL, "policy upsert does not delete"),)
    return Run(Mode.APPLY, HASH, 1, (ok("home", results, spared=spared, error=EVIL, status=Status.ERROR),))


def huge(count: int = 10_000) -> Run:
    """Ten thousand changes of a few kinds, one of which failed, and as many spared."""

    def change(number: int) -> ActionResult:
        tags = (Change("tags", (), ("x",)),) if number % 10 == 0 else ()
        changes = (Change("category", "", "linux"), *tags)
        action = torrent(Verb.UPDATE, f"linux-{number}.iso", "category differs", *changes, number=number + 1)
        return ActionResult(action, *((Outcome.FAILED, "it said no") if number == 7_777 else (Outcome.APPLIED, None)))

    spared = tuple(Spared(infohash(n), f"spared-{n}", "policy upsert does not delete") for n in range(count))
    return Run(Mode.APPLY, HASH, 1, (ok("home", tuple(change(n) for n in range(count)), spared=spared, owned=count),))


def mass(count: int = 10_000) -> Run:
    """Ten thousand of each verb, each of its own kind: nothing in it can be grouped."""

    def results(verb: Verb, *changes: str, start: int) -> list[ActionResult]:
        found = []
        for number in range(start, start + count):
            made = [Change(field, None, f"value-{number}") for field in changes]
            blast = Blast(1, number << 20, number % 2 == 0, number % 3) if verb is Verb.DELETE else None
            action = torrent(verb, f"torrent-{number}.iso", f"reason {number}", *made, number=number, blast=blast)
            found.append(ActionResult(action, Outcome.PLANNED))
        return found

    def settings(kind: Kind, verb: Verb) -> list[ActionResult]:
        change = (Change("value", "old", "new"),)
        return [
            ActionResult(Action(verb, kind, f"{kind}-{number}", f"reason {number}", change), Outcome.PLANNED)
            for number in range(count)
        ]

    actions = [
        *settings(Kind.PREFERENCE, Verb.UPDATE),
        *settings(Kind.CATEGORY, Verb.ADD),
        *settings(Kind.CATEGORY, Verb.DELETE),
        *results(Verb.ADD, "category", "save_path", start=0),
        *results(Verb.ADOPT, "category", start=10_000),
        *results(Verb.UPDATE, "tags", start=20_000),
        *results(Verb.DELETE, start=30_000),
    ]
    return Run(Mode.DRY_RUN, HASH, 0, (ok("home", tuple(actions), owned=count),))


CASES: Final[Mapping[str, Callable[[], Run]]] = {
    case.__name__: case
    for case in (planned, applied, placed, converged, refused, accepted, unhealthy, hostile, huge, mass)
}
