"""A hybrid torrent that was added by its v1 hash alone gets another id with its metadata, at any moment of a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from reconciler.apply.target import Target
from reconciler.desired import load
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.content import CreationSpec
from reconciler.model.errors import UnreachableError
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.plan import Outcome
from reconciler.model.run import Run
from reconciler.model.snapshot import AddOptions, Snapshot
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.torrents import make_torrent

HEAD = 'version: 1\npolicy: sync\nguard: {max_delete_percent: 100}\ninstances: {box: {url: "http://box"}}\ntorrents:\n'
DATA = make_torrent(7, "hybrid")
HASHES = parse_metainfo(DATA).infohashes
V1, ID = str(HASHES.v1), HASHES.ids[0]
OTHER = "  - {magnet: 'magnet:?xt=urn:btih:%s'}\n" % ("f" * 40)


class Box(MemoryInstance):
    """An instance on which the metadata arrives just after a request of a kind, or just before it."""

    moment: tuple[str, bool] | None = None

    def _meanwhile(self, call: str, *, after: bool) -> None:
        if self.moment == (call, after) and V1 in self.torrents:
            self.receive_metadata(V1, DATA)

    def __getattribute__(self, name: str) -> object:
        attribute = super().__getattribute__(name)
        if name not in (
            "add_magnets",
            "set_category",
            "add_tags",
            "start_torrents",
            "stop_torrents",
            "rename_torrent",
            "delete_torrents",
            "read_torrents",
        ):
            return attribute

        def around(*args: object) -> object:
            self._meanwhile(name, after=False)
            result = attribute(*args)
            self._meanwhile(name, after=True)
            return result

        return around


def entry(**keys: str) -> str:
    """Return the entry, declared by its v1 hash alone."""
    return f"  - magnet: 'magnet:?xt=urn:btih:{V1}'\n" + "".join(f"    {key}: {value}\n" for key, value in keys.items())


def run(folder: Path, text: str, box: Target) -> Run:
    """One run."""
    (folder / "desired.yaml").write_text(HEAD + text)
    desired = load([folder / "desired.yaml"], {})
    return run_once(desired, RunOptions(), fake_context(lambda instance, stop: box))  # type: ignore[arg-type, return-value]


def outcomes(done: Run) -> set[Outcome]:
    """Return the result of the torrent's action."""
    return {result.outcome for result in done.instances[0].results}


@pytest.mark.parametrize("release", ["4.2.5", "4.5.2", "5.1.0", "5.3.0"])
@pytest.mark.parametrize("moment", [("add_magnets", True), ("read_torrents", False), ("read_torrents", True)])
def test_metadata_arrives_with_the_add(tmp_path: Path, release: str, moment: tuple[str, bool]) -> None:
    box = Box(release)
    box.moment = moment
    assert outcomes(run(tmp_path, entry(tags="[x]", category="c"), box)) == {Outcome.APPLIED}
    assert set(box.torrents) == {V1 if release == "4.2.5" else ID}
    assert [(sorted(torrent.tags), torrent.category) for torrent in box.torrents.values()] == [
        (["reconcile:default", "x"], "c")
    ]
    before = box.request_count
    assert outcomes(run(tmp_path, entry(tags="[x]", category="c"), box)) == set()
    assert box.request_count - before <= 2


@pytest.mark.parametrize("moment", ["set_category", "add_tags", "stop_torrents", "rename_torrent"])
@pytest.mark.parametrize("after", [False, True])
def test_metadata_arrives_during_a_change(tmp_path: Path, moment: str, after: bool) -> None:
    box = Box()
    run(tmp_path, entry(paused="false"), box)
    assert set(box.torrents) == {V1}
    box.moment = (moment, after)
    wanted = entry(paused="true", category="c", tags="[x]", name="N")
    assert outcomes(run(tmp_path, wanted, box)) == {Outcome.APPLIED}
    (torrent,) = box.torrents.values()
    assert (torrent.id, torrent.stopped, torrent.category, torrent.name) == (ID, True, "c", "N")
    assert outcomes(run(tmp_path, wanted, box)) == set()


def test_metadata_arrives_during_the_start(tmp_path: Path) -> None:
    box = Box()
    run(tmp_path, entry(paused="true"), box)
    box.moment = ("start_torrents", True)
    assert outcomes(run(tmp_path, entry(paused="false"), box)) == {Outcome.APPLIED}
    assert [(torrent.id, torrent.stopped) for torrent in box.torrents.values()] == [(ID, False)]


def test_metadata_arrives_before_the_deletion(tmp_path: Path) -> None:
    box = Box()
    run(tmp_path, entry() + OTHER, box)
    box.moment = ("read_torrents", False)
    assert outcomes(run(tmp_path, OTHER, box)) == {Outcome.APPLIED}
    assert set(box.torrents) == {"f" * 40}


def test_reads_for_a_torrent_that_does_not_appear_are_limited(tmp_path: Path) -> None:
    class Deaf(MemoryInstance):
        snapshots = 0

        def add_magnets(self, magnets: Sequence[str], options: AddOptions) -> None:
            """Accept it, and forget it."""

        def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
            self.snapshots += 1
            return super().read_snapshot(files_of, creations)

    box = Deaf()
    done = run(tmp_path, entry(), box)
    assert outcomes(done) == {Outcome.FAILED}
    assert box.snapshots <= 1 + 6


def test_an_instance_that_is_lost_during_these_reads(tmp_path: Path) -> None:
    box = Box()
    box.moment = ("add_magnets", True)
    box.fail_next(100, UnreachableError("gone"), skip=7)  # the lease takes four
    done = run(tmp_path, entry(), box)
    assert outcomes(done) == {Outcome.FAILED}
    box.fail_next(0, UnreachableError("gone"))
    assert outcomes(run(tmp_path, entry(), box)) == set()
