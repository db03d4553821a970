"""One round of a chaos run: what happens in it, drawn from the dice of its schedule."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from reconciler.journal import JOURNAL_FILE_NAME
from tests.support.chaos.faults import FaultScript
from tests.support.machine import Machine

OUR_EVENTS: Final = ("kill us", "kill us after", "terminate us", "hang up us", "terminate us twice")
SERVER_EVENTS: Final = ("kill the server", "restart the server")
WATCH_STEPS: Final = (
    "edit",
    "edit",
    "drift",
    "drift",
    "hang up",
    "journal",
    "invalid file",
    "clock",
    "password",
    "server",
)
OUTPUTS: Final = ("text", "json", "markdown", "github")
_HOUR: Final = 3600


@dataclass(frozen=True)
class Round:
    """The events of one round.

    `kind`: "run", "cron" (twice in a row), "outage" (twice, and the first server is down until after the round),
    "dry-run", "two" (at once) or "watch". `event` comes with request number `event_at`. `journal`: what is wrong with
    the state folder. `clock_shift` is in seconds.
    """

    kind: str
    scripts: tuple[FaultScript, ...]
    event: str | None
    event_at: int
    journal: str
    clock_shift: int
    has_new_password: bool
    output: str
    steps: tuple[str, ...]

    @property
    def is_fair(self) -> bool:
        """True if nothing prevents its runs from converging at once, except that there may be two of them."""
        is_usual = self.event is None and self.clock_shift == 0 and not self.has_new_password
        return is_usual and self.kind in ("run", "cron", "two") and all(s.pattern == "none" for s in self.scripts)

    def __str__(self) -> str:
        words = [self.kind, *map(str, self.scripts)]
        words += [f"{self.event} at {self.event_at}"] if self.event else []
        words += [f"journal {self.journal}"] if self.journal != "fine" else []
        words += [f"clock {self.clock_shift:+d} s"] if self.clock_shift else []
        words += ["another password"] if self.has_new_password else []
        return "; ".join([*words, *self.steps])


def draw_round(dice: Random, boxes: int, *, may_end_servers: bool, may_change_password: bool) -> Round:
    """Return a round at random."""
    kind = dice.choices(["run", "cron", "dry-run", "two", "watch"], [10, 2, 1, 2, 3])[0]
    if boxes > 1 and dice.random() < 0.4:
        kind = "outage"
    events = [*OUR_EVENTS, *(SERVER_EVENTS * 2 if may_end_servers else ())]
    if kind == "watch":
        events = [*(SERVER_EVENTS if may_end_servers else ())]
    are_fair = kind == "two" and dice.random() < 0.6
    has_new_password = may_change_password and dice.random() < 0.12
    excluded = {"server"} if not may_end_servers else set[str]()
    excluded |= {"password"} if has_new_password or not may_change_password else set()
    steps = [step for step in WATCH_STEPS if step not in excluded]
    return Round(
        kind,
        tuple(FaultScript.no_faults() if are_fair else FaultScript.draw(dice) for _ in range(boxes)),
        dice.choice(events) if events and dice.random() < 0.5 and not are_fair else None,
        dice.randint(1, 14),
        dice.choices(["fine", "missing", "corrupt", "cut", "full", "read-only", "a file"], [12, 1, 1, 1, 1, 1, 1])[0],
        dice.choice([_HOUR, 40 * 24 * _HOUR, -3 * 24 * _HOUR, 400 * 24 * _HOUR]) if dice.random() < 0.12 else 0,
        has_new_password,
        dice.choice(OUTPUTS[:2] if kind == "watch" else OUTPUTS),
        tuple(dice.sample(steps, 3)) if kind == "watch" else (),
    )


def prepare_machine(chosen: Round, state_dir: Path, clock_file: Path, dice: Random) -> Machine:
    """Change the state folder as the round says, and return the machine for its commands."""
    journal = state_dir / JOURNAL_FILE_NAME
    clock_file.write_text(str(chosen.clock_shift))
    if chosen.journal == "missing":
        shutil.rmtree(state_dir, ignore_errors=True)
    elif chosen.journal == "corrupt" and journal.exists():
        with journal.open("r+b") as file:
            for _ in range(5):
                file.seek(dice.randrange(max(1, journal.stat().st_size - 200)))
                file.write(dice.randbytes(150))
    elif chosen.journal == "cut" and journal.exists():
        os.truncate(journal, journal.stat().st_size // 2)
    elif chosen.journal == "a file":
        shutil.rmtree(state_dir, ignore_errors=True)
        state_dir.parent.mkdir(parents=True, exist_ok=True)
        state_dir.write_text("not a folder")
    if chosen.journal in ("full", "read-only"):
        state_dir.mkdir(parents=True, exist_ok=True)
    return Machine(
        str(clock_file) if chosen.clock_shift or "clock" in chosen.steps else None,
        str(state_dir) if chosen.journal == "full" else None,
        str(state_dir) if chosen.journal == "read-only" else None,
    )
