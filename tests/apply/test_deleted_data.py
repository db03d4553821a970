"""A deletion with data ends as the log of the server says: done, failed, or not seen to the end."""

from __future__ import annotations

import pytest

from reconciler.apply.deleted_data import PATIENCE
from reconciler.apply.executor import Executor
from reconciler.model.errors import RejectedError, UnreachableError
from reconciler.model.plan import Blast, DeleteTorrent, InstancePlan, Outcome
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import LiveTorrent
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy
from tests.support.planner_inputs import make_live_torrent

VERSIONS = ("4.2.5", "4.5.2", "5.1.0", "5.3.0")


def put(box: MemoryInstance, letter: str, name: str = "", **row: object) -> LiveTorrent:
    """A torrent with metadata on the instance."""
    place = {"save_path": f"/{letter}", "content_path": f"/{letter}/x", "size": ord(letter), "has_metadata": True}
    torrent = make_live_torrent({"hash": letter, "name": name or f"film {letter}", **place, **row})
    box.torrents[torrent.id] = torrent
    return torrent


def delete(
    box: MemoryInstance, *torrents: LiveTorrent, to_trash: bool = False, data: bool = True
) -> list[ActionResult]:
    """Delete the torrents, with their data, and return the results."""
    actions = tuple(
        DeleteTorrent(
            torrent.name, "undeclared", torrent_id=torrent.id, delete_files=data, blast=Blast(to_trash=to_trash)
        )
        for torrent in torrents
    )
    results, lost = Executor(box, fake_retry_policy(max_attempts=1)).execute(InstancePlan("box", actions))
    assert lost is None
    assert box.torrents.keys().isdisjoint(torrent.id for torrent in torrents)
    return list(results)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("slow_log_reads", [0, 4])
def test_data_that_the_log_shows_to_be_deleted_is_applied(version: str, slow_log_reads: int) -> None:
    box = MemoryInstance(version)
    torrents = [put(box, letter) for letter in "abc"] + [put(box, letter, "same name") for letter in "de"]
    box.slow_log_reads = slow_log_reads
    assert [(result.outcome, result.error) for result in delete(box, *torrents)] == [(Outcome.APPLIED, None)] * 5


@pytest.mark.parametrize("version", VERSIONS)
def test_data_that_could_not_be_deleted_is_a_failure_with_the_words_of_the_log(version: str) -> None:
    box = MemoryInstance(version)
    first, second = put(box, "a"), put(box, "b")
    box.undeletable = {first.id}
    failed, applied = delete(box, first, second)
    assert (failed.outcome, failed.is_removed, failed.has_effect) == (Outcome.FAILED, True, True)
    assert str(failed.error).startswith("removed, but its data is still there; its log says: ")
    assert "film a" in str(failed.error) and "trash" not in str(failed.error)
    assert (applied.outcome, applied.is_removed) == (Outcome.APPLIED, True)


def test_a_trash_that_fails_is_named() -> None:
    box = MemoryInstance("5.3.0")
    torrent = put(box, "a")
    box.undeletable = {torrent.id}
    (failed,) = delete(box, torrent, to_trash=True)
    assert "torrent_content_remove_option" in str(failed.error)


def test_a_text_with_a_link_is_not_shown() -> None:
    box = MemoryInstance("5.3.0")
    torrent = put(box, "a", "http://t.example/passkey")
    box.undeletable = {torrent.id}
    (failed,) = delete(box, torrent)
    assert failed.error == "removed, but its data is still there; see its log"


def test_data_that_is_still_being_deleted_is_deferred() -> None:
    box = MemoryInstance("5.3.0")
    torrent = put(box, "a")
    box.slow_log_reads = 10_000
    (result,) = delete(box, torrent)
    assert (result.outcome, result.is_removed) == (Outcome.DEFERRED, True)
    assert result.error == "removed; its data is still being deleted"
    assert box.request_count < 30 + PATIENCE


@pytest.mark.parametrize("error", [RejectedError("box: 403", 403), UnreachableError("box: gone")])
def test_a_log_that_cannot_be_read_leaves_it_open(error: Exception) -> None:
    class Silent(MemoryInstance):
        def read_log(self, after_id: int) -> list[object]:  # type: ignore[override]
            raise error

    box = Silent("5.3.0")
    (result,) = delete(box, put(box, "a"))
    assert (result.outcome, result.is_removed) == (Outcome.DEFERRED, True)
    assert "the log cannot be read" in str(result.error)


def test_without_data_or_metadata_no_log_is_read() -> None:
    box = MemoryInstance("5.3.0")
    kept, bare = put(box, "a"), put(box, "b", has_metadata=False)
    assert [result.outcome for result in delete(box, kept, data=False)] == [Outcome.APPLIED]
    before = box.request_count
    assert [result.outcome for result in delete(box, bare)] == [Outcome.APPLIED]
    assert box.request_count - before <= 4  # two reads, the deletion, and a read-back
