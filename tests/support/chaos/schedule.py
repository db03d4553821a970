"""One schedule of a chaos run: its rounds, and after them the runs without faults that must set everything right."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from reconciler.demo.servers import QbittorrentServer
from tests.support.chaos.checks import find_crash, find_differences, find_harm
from tests.support.chaos.faults import ANSWER_ARRIVES
from tests.support.chaos.proxy import ChaosProxy
from tests.support.chaos.rounds import OUR_EVENTS, Round, draw_round, prepare_machine
from tests.support.chaos.world import PASSKEY, Box, World
from tests.support.commands import CommandResult, StartedCommand, start_reconcile
from tests.support.machine import Machine
from tests.support.raw import RawClient

RUN_TIMEOUT: Final = 100.0  # seconds; a run that takes longer hangs
CLEAN_RUNS: Final = 3
LONG_OUTAGE: Final = 1000.0  # seconds; the end of the round ends it
INTERRUPTED_CODES: Final = (143, 130, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP)
START_TIMEOUT: Final = 30.0  # seconds until the first request of a watch
WATCH_STOP_SECONDS: Final = 15.0
UNCHANGED: Final = {"unchanged", "spared", "faults"}  # faults: magnet links without metadata
_GONE: Final = (OSError, AssertionError)


class Schedule:
    """The schedule of one seed, on servers of its own."""

    def __init__(
        self,
        seed: int,
        folder: Path,
        versions: Sequence[str],
        make_server: Callable[..., QbittorrentServer],
        stack: ExitStack,
    ) -> None:
        self.dice = dice = Random(f"chaos {seed}")
        self.folder = folder
        self.state_dir = folder / "state"
        self.story: list[str] = []
        self.violations: list[str] = []
        self.command: StartedCommand | None = None
        self._began = time.monotonic()
        group = dice.choice(["failover", "failover", "replicate"]) if seed % 5 == 4 else None
        chosen = dice.sample(versions, 2) if group else [versions[seed % len(versions)]]
        boxes = {}
        for name, version in zip("ab", chosen, strict=False):
            server = make_server(version, preferences={"WebUI\\MaxAuthenticationFailCount": "50"})
            password = partial(getattr, server, "password")
            proxy = stack.enter_context(
                ChaosProxy(server.port, password=password, trusted_client=server.trusted_client)
            )
            boxes[name] = Box(name, version, server, proxy)
        policy = "sync" if group else dice.choice(["sync", "sync", "sync", "upsert"])
        self.world = World(folder, dice, boxes, group, policy)
        self.may_end_servers = dice.random() < 0.4
        self.may_change_password = True
        self.secrets = {PASSKEY, *(box.server.password for box in boxes.values())}
        self.tell(f"{group or 'one server'} {chosen} policy {policy}")

    def tell(self, text: str) -> None:
        """Add a line to the story."""
        self.story.append(f"{time.monotonic() - self._began:6.2f} {text}")

    def accuse(self, *violations: str) -> None:
        """Record what must not be."""
        for text in violations:
            self.violations.append(text)
            self.tell(f"VIOLATION {text}")

    def run(self) -> list[str]:
        """Run the schedule and return what must not be, with nothing of it if all is well."""
        self.world.prepare(with_restart=self.may_end_servers or len(self.world.boxes) > 1)  # for an outage
        if self.dice.random() < 0.5:
            self.run_clean("first run")
        for number in range(self.dice.randint(1, 2)):
            self.meet_round(f"round {number + 1}")
        self.finish()
        return self.violations

    # rounds

    def meet_round(self, name: str) -> None:
        """Change something, run under faults, and check what can be checked at once."""
        chosen = draw_round(
            self.dice,
            len(self.world.boxes),
            may_end_servers=self.may_end_servers,
            may_change_password=self.may_change_password,
        )
        self.world.read_timeout = "2s"
        self.world.edit()
        if self.dice.random() < 0.6:
            self.tell(self.world.drift())
        if chosen.has_new_password:
            self.change_password()
        self.tell(f"{name}: {chosen}")
        machine = prepare_machine(chosen, self.state_dir, self.folder / "clock", self.dice)
        turn = threading.Lock()
        for box, script in zip(self.world.boxes.values(), chosen.scripts, strict=True):
            box.proxy.start_run(name, script)
            box.proxy.on_request = self.make_event(
                chosen, box, turn if chosen.event in OUR_EVENTS else threading.Lock()
            )
        if chosen.kind == "watch":
            self.run_watch(chosen, machine)
        else:
            results = self.run_commands(chosen, machine)
            is_well = chosen.is_fair and all(result.exit_code == 0 for result in results)
            if is_well and (differences := self.wait_for_agreement()):
                self.accuse(f"not as declared, though all went well: {differences[:8]}")
        self.calm()
        self.check_round(name, chosen)

    def make_event(self, chosen: Round, box: Box, turn: threading.Lock) -> Callable[[int], bool]:
        """Return what happens at a request: the event of the round, once.

        A second signal ends us at once, so the servers share the `turn` of an event that happens to us.
        """

        def happen(number: int) -> bool:
            if chosen.event is None or number != chosen.event_at or self.command is None:
                return False
            if not turn.acquire(blocking=False):
                return False
            self.tell(f"{chosen.event} at request {number} of {box.name}")
            if chosen.event == "kill us":
                self.command.send_signal(signal.SIGKILL)
                return True
            if chosen.event == "kill the server":
                box.kill(0.3)
            elif chosen.event == "restart the server":
                box.wants_restart = True
                time.sleep(0.1)
            else:
                self.send_signal_soon(self.command, chosen.event)
            return False

        return happen

    def send_signal_soon(self, command: StartedCommand, event: str) -> None:
        """Send the signal of an event while its request is under way."""
        number = {"kill us after": signal.SIGKILL, "hang up us": signal.SIGHUP}.get(event, signal.SIGTERM)
        if event == "kill us after":
            threading.Timer(0.03, command.send_signal, [number]).start()
        else:
            command.send_signal(number)
        if event == "terminate us twice":
            threading.Timer(0.1, command.send_signal, [number]).start()

    def run_commands(self, chosen: Round, machine: Machine) -> list[CommandResult]:
        """Run the command once, twice in a row, or twice at once, and return the results."""
        results: list[CommandResult] = []
        options = ["--output", chosen.output, *(["--dry-run"] if chosen.kind == "dry-run" else [])]
        if chosen.kind == "outage":
            self.world.boxes["a"].kill(LONG_OUTAGE)
        for number in range(2 if chosen.kind in ("cron", "outage") else 1):
            if number and chosen.kind == "outage":
                time.sleep(1.1)  # longer than `failover_after`
            with ExitStack() as stack:
                commands = [
                    stack.enter_context(self.start(machine, *options)) for _ in range(2 if chosen.kind == "two" else 1)
                ]
                self.command = commands[0]
                for command in commands:
                    if not self.attend(partial(_is_over, command), RUN_TIMEOUT):
                        self.accuse(f"it does not end in {RUN_TIMEOUT:.0f} s")
                        return results
                    results.append(command.wait())
                    self.check_result(results[-1], (0, 1, 3, *INTERRUPTED_CODES))
        return results

    def run_watch(self, chosen: Round, machine: Machine) -> None:
        """Run a watch, take its steps, and end it."""
        with self.start(machine, "--watch", "--interval", "1s", "--output", chosen.output) as command:
            self.command = command
            self.attend(lambda: not command.is_running or self.has_requests(), START_TIMEOUT)
            self.attend(partial(_is_over, command), 0.5)
            for step in chosen.steps:
                self.tell(f"step: {step}")
                with suppress(*_GONE):  # the server may be down
                    self.take_step(step, command)
                self.attend(partial(_is_over, command), self.dice.choice([0.2, 0.6, 1.0]))
            if not command.is_running:
                self.accuse(f"the watch ended with {command.wait().exit_code}: {command.err[-1500:]}")
                return
            number = self.dice.choice([signal.SIGTERM, signal.SIGTERM, signal.SIGKILL])
            if number == signal.SIGTERM and self.dice.random() < 0.5:
                command.send_signal(signal.SIGHUP)  # right before it: no signal may be lost
            command.send_signal(number)
            if not self.attend(partial(_is_over, command), WATCH_STOP_SECONDS):
                self.accuse(f"the watch does not end on signal {number}: {command.err[-1500:]}")
                return
            self.check_result(command.wait(), (0,) if number == signal.SIGTERM else INTERRUPTED_CODES)

    def has_requests(self) -> bool:
        """Return True once a request of the round has arrived."""
        return any(box.proxy.count for box in self.world.boxes.values())

    def take_step(self, step: str, command: StartedCommand) -> None:
        """Take one step beside a watch."""
        if step == "edit":
            self.world.edit()
        elif step == "drift":
            self.tell(self.world.drift())
        elif step == "hang up":
            command.send_signal(signal.SIGHUP)
        elif step == "journal":
            for path in self.state_dir.glob("*"):
                path.unlink(missing_ok=True)
        elif step == "invalid file":
            (self.folder / "desired.yaml").write_text("version: 1\nbogus: [")
            time.sleep(0.3)
            self.world.write()
        elif step == "clock":
            (self.folder / "clock").write_text(str(self.dice.choice([86_400, -86_400, 400 * 86_400])))
        elif step == "password":
            self.change_password()
            time.sleep(0.5)
            self.world.write_secrets()
        elif step == "server":
            self.dice.choice(list(self.world.boxes.values())).kill(self.dice.choice([0.1, 0.6]))

    def change_password(self) -> None:
        """Somebody changes the password of a server; ours is the old one until `write_secrets`."""
        self.may_change_password = False  # once in a schedule is enough
        box = self.dice.choice(list(self.world.boxes.values()))
        password = f"Another-password-{self.dice.randrange(10**6)}"
        box.change_password(password, with_restart=self.may_end_servers)
        self.secrets.add(box.server.password)

    def start(self, machine: Machine, *options: str) -> StartedCommand:
        """Start the command on the desired state."""
        environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
        words = ("--state-dir", str(self.state_dir), *options)
        return start_reconcile(self.folder, *words, environ=environ, machine=machine)

    def attend(self, is_over: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is over, and start servers meanwhile: they end with the thread that started them."""
        end = time.monotonic() + seconds
        while not is_over():
            if time.monotonic() > end:
                return False
            for box in self.world.boxes.values():
                box.start_if_due()
            time.sleep(0.01)
        return True

    def calm(self) -> None:
        """End all faults: servers run, passwords are right, and no request is under way."""
        self.command = None
        for box in self.world.boxes.values():
            box.proxy.script = None
            box.proxy.on_request = lambda _number: False
            box.start_if_due(now=True)
            box.proxy.wait_for_late_requests()
            box.start_if_due(now=True)  # one of these may have ended it
        self.world.write_secrets()
        if self.state_dir.is_file():
            self.state_dir.unlink()

    # checks

    def check_result(self, result: CommandResult, allowed: Sequence[int]) -> None:
        """Check what a command said, and its exit code."""
        self.tell(f"exit code {result.exit_code}")
        self.accuse(*find_crash(result.out + result.err, self.secrets))
        if result.exit_code not in allowed:
            self.accuse(f"exit code {result.exit_code}: {result.out[-500:]}{result.err[-1000:]}")

    def check_round(self, name: str, chosen: Round) -> None:
        """Check the requests of a round."""
        forgets = chosen.journal != "fine" or chosen.event in ("kill us", "kill us after", "terminate us twice")
        is_repeated = chosen.kind == "two" or (chosen.kind in ("cron", "outage") and forgets)
        for box in self.world.boxes.values():
            log = [request for request in box.proxy.log if request.run == name]
            refused = [request for request in log if request.is_refused_login and request.is_answered]
            # one whose answer was lost may have been refused unseen, and the next try sends it again (decision 0017)
            is_unseen = chosen.kind in ("watch", "cron", "outage") and any(
                request.fault not in ANSWER_ARRIVES for request in refused[:1]
            )
            if len(refused) > 1 + is_repeated + is_unseen:
                self.accuse(f"{len(refused)} logins with refused credentials on {box.name}")
            if chosen.kind == "dry-run":
                self.accuse(*(f"a dry-run changed something: {request}" for request in log if request.is_mutation))

    def finish(self) -> None:
        """Run without faults until all is as declared, and once more."""
        self.world.read_timeout = "20s"
        self.world.write()
        self.wait_for_checks()
        differences, options = ["nothing was compared"], list[str]()
        for number in range(CLEAN_RUNS):
            result = self.run_clean(f"clean run {number + 1}", *options)
            differences = self.wait_for_agreement()
            self.tell(f"differences: {differences[:5]}")
            if not differences or result.exit_code not in (0, 1, 3):
                break
            report = result.report
            refused = report["guard"]["refused"] or any(
                action["outcome"] == "blocked" for instance in report["instances"] for action in instance["actions"]
            )
            options = ["--accept-plan", report["plan_hash"]] if refused else []
            if self.has_lost_logins():  # four in a row may have been refused unseen, so a person has to look
                options.append("--retry-login")
        if differences:
            self.accuse(f"not as declared after {CLEAN_RUNS} clean runs: {differences[:8]}")
            self.tell(f"last report: {result.out[-4000:]}")
        self.check_idle()
        for box in self.world.boxes.values():
            self.accuse(*find_harm(box))
        for path in self.state_dir.glob("*"):
            self.accuse(*find_crash(path.read_bytes().decode(errors="replace"), self.secrets))

    def has_lost_logins(self) -> bool:
        """Return True if a server has not answered several logins, all with the right password."""
        return any(
            sum(request.endpoint == "auth/login" and bool(request.fault or not request.is_answered) for request in log)
            >= 4
            for log in (box.proxy.log for box in self.world.boxes.values())
        )

    def run_clean(self, name: str, *options: str) -> CommandResult:
        """Run the command without faults."""
        for box in self.world.boxes.values():
            box.proxy.start_run(name, None)
        with self.start(Machine(), "--output", "json", *options) as command:
            result = command.wait(RUN_TIMEOUT)
        self.tell(name)
        self.check_result(result, (0, 1, 3))
        return result

    def check_idle(self) -> None:
        """Run once more: nothing is left to do."""
        result = self.run_clean("idle run")
        for box in self.world.boxes.values():
            changes = [str(request) for request in box.proxy.log if request.run == "idle run" and request.is_mutation]
            if changes:
                self.accuse(f"a converged run changed {box.name}: {changes[:3]}")
        if result.exit_code not in (0, 1, 3):
            return
        summary: dict[str, Any] = {key: count for key, count in result.report["summary"].items() if count}
        if not summary.keys() <= UNCHANGED or result.exit_code:
            self.accuse(f"a converged run reports {summary} with exit code {result.exit_code}: {result.out[:3000]}")

    def wait_for_agreement(self) -> list[str]:
        """Return the differences that stay: states show up to two seconds late."""
        end = time.monotonic() + 3
        while (differences := find_differences(self.world)) and time.monotonic() < end:
            time.sleep(0.2)
        return differences

    def wait_for_checks(self) -> None:
        """Wait until no server checks files."""
        for box in self.world.boxes.values():
            box.client.wait_until(partial(_is_checked, box.client))


def _is_over(command: StartedCommand) -> bool:
    return not command.is_running


def _is_checked(client: RawClient) -> bool:
    return not any(row["state"].startswith("check") for row in client.list_torrents().values())
