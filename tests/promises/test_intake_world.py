"""Nothing that services hand in is lost, nothing of others is deleted, whatever ends when: on in-memory qBittorrents.

Services hand in and take back, people declare the same torrents, instances go down, and a process is killed at any
moment: in the middle of a run, and between any two steps of a write to the file of the intake.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from reconciler.desired import load
from reconciler.engine.events import FinishedRun
from reconciler.engine.observation import Observations
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.engine.recall import collect_live_state
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.intake import IntakeSettler, IntakeStore
from reconciler.model.errors import UnreachableError
from reconciler.model.intake import HandedIn, IntakeError
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.run import Run
from reconciler.model.snapshot import AddOptions
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.magnets import make_infohash, make_magnet
from tests.support.memory_folders import MEMORY_FOLDER
from tests.support.memory_worlds import SimulatedKill
from tests.support.search_effort import take_examples
from tests.support.torrents import make_torrent

OURS = "reconcile:home"
BOXES = ("a", "b")
MAGNETS, FILES = (0, 1, 2, 3), (4,)
FOREIGN, OTHERS, NEVER_HANDED_IN, DECLARED = 2, 3, 8, 9
CONTENTS = {number: make_torrent(number, "v1") for number in FILES}
NUMBERS = {make_infohash(number): number for number in (*MAGNETS, NEVER_HANDED_IN, DECLARED)} | {
    str(parse_metainfo(content).infohashes): number for number, content in CONTENTS.items()
}
INFOHASHES = {number: infohash for infohash, number in NUMBERS.items()}
GROUPS = (
    "{strategy: failover, members: [a, b], failover_after: 1s}",
    "{strategy: replicate, members: [a, b]}",
    "{strategy: spread, members: [a, b]}",
)
numbers = st.sampled_from([*MAGNETS, *FILES])
picks = st.integers(0, 20)


class Box(MemoryInstance):
    """An instance that can be down, and that deletes only what `may_delete` allows."""

    def __init__(self, may_delete: Callable[[Box, str, bool], bool]) -> None:
        super().__init__()
        self.up, self.kill_after, self._may_delete = True, -1, may_delete
        self.wrongs: list[str] = []

    def open(self) -> None:
        if not self.up:
            raise UnreachableError("no connection")

    def delete_torrents(self, ids: Collection[str], delete_files: bool) -> None:
        self.wrongs += [key for key in ids if key in self.torrents and not self._may_delete(self, key, delete_files)]
        super().delete_torrents(ids, delete_files)

    def _run_request(self, work: Callable[[], Any]) -> Any:
        if self.kill_after == 0:
            raise SimulatedKill
        self.kill_after -= 1
        return super()._run_request(work)


@contextmanager
def killed_after(steps: int) -> Iterator[None]:
    """Context in which the process is killed before or after one of its steps on the disk: nothing is tidied up."""
    left = [steps]
    replace_file, sync, unlink = Path.replace, os.fsync, Path.unlink

    def take_step(step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise SimulatedKill
            result = step(*arguments)
            left[0] -= 1
            if left[0] == 0:
                raise SimulatedKill
            return result

        return run

    def tidy_up(path: Path, **options: Any) -> None:
        if left[0] > 0:
            unlink(path, **options)

    with (
        mock.patch.object(Path, "replace", take_step(replace_file)),
        mock.patch.object(os, "fsync", take_step(sync)),
        mock.patch.object(Path, "unlink", tidy_up),
        suppress(SimulatedKill),
    ):
        yield


class IntakeWorld(RuleBasedStateMachine):
    """Two instances in a group, which the intake goes to. Each number is a torrent."""

    @initialize(
        group=st.sampled_from(GROUPS),
        policy=st.sampled_from(["sync", "upsert"]),
        max_delete=st.sampled_from([1, 2, 9]),
        handed_in=st.sets(numbers, min_size=2),
    )
    def begin(self, group: str, policy: str, max_delete: int, handed_in: set[int]) -> None:
        self.folder = TemporaryDirectory(dir=MEMORY_FOLDER)
        self.path = Path(self.folder.name)
        self.head = (
            f"version: 1\nowner: home\npolicy: {policy}\nguard: {{max_delete: 0}}\n"
            f"intake: {{file: intake.yaml, instance: g, max_delete: {max_delete}}}\n"
            f"instances: {{a: {{url: 'http://a'}}, b: {{url: 'http://b'}}}}\ngroups: {{g: {group}}}\n"
        )
        self.declared = {DECLARED}
        self.accepted: set[int] = set()
        self.taken_back: dict[int, bool] = {}
        self.boxes = {name: Box(self.may_delete) for name in BOXES}
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        plain = AddOptions(stopped=True, auto_tmm=False)
        self.boxes["a"].add_magnets([make_magnet(FOREIGN), make_magnet(NEVER_HANDED_IN)], plain)
        others = replace(plain, tags=("reconcile:other",))
        self.boxes["a"].add_magnets([make_magnet(OTHERS)], others)
        self.start_process()
        for number in handed_in:
            self.hands_in(number)
        self.run()

    def may_delete(self, box: Box, key: str, delete_files: bool) -> bool:
        """True if a torrent is ours, and was taken back, or is a copy that another instance has too."""
        number, tags = NUMBERS[key], box.torrents[key].tags
        if OURS not in tags or "reconcile:other" in tags:
            return False
        if number in self.taken_back and number not in self.declared:
            return delete_files is self.taken_back[number]
        return not delete_files and any(key in other.torrents for other in self.boxes.values() if other is not box)

    def start_process(self) -> None:
        """Begin with what is on disk."""
        for box in self.boxes.values():
            box.kill_after = -1
        self.roster = PlacementMemory()
        self.reload()
        self.store = IntakeStore(lambda: self.desired)
        self.store.open()
        self.settler = IntakeSettler(self.store)
        self.compare()

    def reload(self) -> None:
        """Read the files, as each run does. They are always valid."""
        torrents = "".join(f"  - magnet: {make_magnet(number)}\n    instance: g\n" for number in sorted(self.declared))
        (self.path / "desired.yaml").write_text(f"{self.head}torrents:\n{torrents}")
        self.desired = load([self.path / "desired.yaml"], {})

    def compare(self) -> None:
        """Compare the file with what was answered. A change that was killed is in it as a whole, or not at all."""
        entries = {NUMBERS[key]: entry for key, entry in self.store.entries.items()}
        present = {number for number, entry in entries.items() if not entry.absent}
        assert present == self.accepted
        assert {number for number, entry in entries.items() if entry.absent} <= self.taken_back.keys()
        named = {f"{INFOHASHES[number]}.torrent" for number in entries if number in FILES}
        assert named <= {path.name for path in self.path.iterdir()}, "an entry without its file"

    @rule(number=numbers)
    def hands_in(self, number: int) -> None:
        if self.hand_in(number):
            self.accepted.add(number)
            self.taken_back.pop(number, None)
        self.compare()

    def hand_in(self, number: int) -> bool:
        """Return True if it is an entry afterwards."""
        torrent = HandedIn(content=CONTENTS[number]) if number in FILES else HandedIn(make_magnet(number))
        (result,) = self.store.hand_in([torrent])
        assert result.problem is None
        return number not in self.declared or number in self.accepted

    @rule(pick=picks, delete_files=st.booleans())
    def takes_back(self, pick: int, delete_files: bool) -> None:
        number = self.pick_accepted(pick)
        if self.take_back(number, delete_files):
            self.accepted.discard(number)
            self.taken_back[number] = delete_files or self.taken_back.get(number, False)
        self.compare()

    def pick_accepted(self, pick: int) -> int:
        """Return a number that was accepted, if there is one."""
        known = sorted(self.accepted) or [*MAGNETS]
        return known[pick % len(known)]

    def take_back(self, number: int, delete_files: bool) -> bool:
        """Return True if it was an entry and is to be deleted now. Data that was to go once goes."""
        was_entry = INFOHASHES[number] in self.store.entries
        with suppress(IntakeError, KeyError):
            self.store.remove([INFOHASHES[number]], delete_files=delete_files)
            return was_entry
        return False

    @rule(pick=picks, steps=st.integers(1, 14), delete_files=st.booleans(), is_back=st.booleans())
    def is_killed_in_a_write(self, pick: int, steps: int, delete_files: bool, is_back: bool) -> None:
        number = self.pick_accepted(pick) if is_back else [*MAGNETS, *FILES][pick % 5]
        answered = False
        with killed_after(steps):
            answered = self.take_back(number, delete_files) if is_back else self.hand_in(number)
        desired = load([self.path / "desired.yaml"], {})
        entries = {entry.infohash: entry for entry in desired.torrents if entry.is_handed_in}
        entry = entries.get(INFOHASHES[number])
        is_present = entry is not None and not entry.absent
        if answered:
            assert is_present is not is_back or number in self.declared
        if number not in self.declared:
            if is_present:
                self.accepted.add(number)
                self.taken_back.pop(number, None)
            elif number in self.accepted:
                assert is_back and entry is not None, "it was lost"
                self.accepted.discard(number)
            if entry is not None and entry.absent:
                self.taken_back[number] = bool(entry.delete_files)
        self.start_process()

    @rule(name=st.sampled_from(BOXES), up=st.booleans(), times=st.integers(0, 2))
    def an_instance_goes_up_or_down_and_it_runs(self, name: str, up: bool, times: int) -> None:
        self.boxes[name].up = up
        for _ in range(times):
            self.run()

    @rule(name=st.sampled_from(BOXES), requests=st.integers(0, 9))
    def is_killed_in_a_run(self, name: str, requests: int) -> None:
        self.boxes[name].kill_after = requests
        with suppress(SimulatedKill):
            self.run()
        self.start_process()

    def run(self) -> Run:
        """A cycle of the watch: read, reconcile, and drop the entries that are dealt with."""
        self.now += timedelta(seconds=100)
        self.reload()
        seen: list[Observations] = []
        context = replace(
            fake_context(lambda instance, stop: self.boxes[instance.name], utc=lambda: self.now, max_attempts=1),
            placement_memory=self.roster,
            keep_observations=seen.append,
        )
        self.settler.on_run_start(self.desired)
        run = run_once(self.desired, RunOptions(), context)
        assert not [NUMBERS[key] for box in self.boxes.values() for key in box.wrongs], "deleted, but not taken back"
        live_state = collect_live_state(self.desired, seen[-1], context)
        self.settler.on_run_end(FinishedRun(run, "intake", self.now, 1.0, live_state=live_state))
        self.compare()
        return run

    def teardown(self) -> None:
        """At last everything is up: what is handed in is there, what was taken back is gone, and others have theirs."""
        if not hasattr(self, "boxes"):
            return
        for box in self.boxes.values():
            box.up = True
        for _ in range(8):
            if not any(instance.results for instance in self.run().instances):
                break
        held = {key: torrent for box in self.boxes.values() for key, torrent in box.torrents.items()}
        ours = {NUMBERS[key] for key, torrent in held.items() if OURS in torrent.tags}
        assert self.accepted | self.declared <= ours | {OTHERS}
        assert ours <= self.accepted | self.declared
        assert not [entry for entry in self.store.entries.values() if entry.absent]
        assert {INFOHASHES[NEVER_HANDED_IN], INFOHASHES[OTHERS]} <= self.boxes["a"].torrents.keys()
        assert {path.name for path in self.path.iterdir()} - {"desired.yaml", "intake.yaml", ".intake.yaml.lock"} == {
            f"{INFOHASHES[number]}.torrent" for number in self.accepted & {*FILES}
        }
        self.folder.cleanup()


TestIntakeWorld = IntakeWorld.TestCase
TestIntakeWorld.settings = take_examples(12, steps=20)
