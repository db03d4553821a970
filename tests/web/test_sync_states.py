"""The gravest result of a run about a torrent is its state."""

from __future__ import annotations

import pytest

from reconciler.model.plan import FaultKind, GuardVerdict, Outcome, TorrentFault, Verb
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.web.sync_states import SyncState, collect_findings
from tests.support.example_runs import make_infohash, make_torrent_action


def make_result(outcome: Outcome, verb: Verb = Verb.UPDATE, error: str | None = None) -> ActionResult:
    return ActionResult(make_torrent_action(verb, "a", "category differs", number=1), outcome, error)


def find(*results: ActionResult, **fields: object) -> object:
    instance = InstanceResult("home", Status.OK, results=results, **fields)  # type: ignore[arg-type]
    return collect_findings(Run(RunMode.APPLY, "", 0, (instance,))).find((make_infohash(1),))


@pytest.mark.parametrize(
    ("outcome", "verb", "error", "state"),
    [
        (Outcome.PLANNED, Verb.UPDATE, None, SyncState.DRIFT),
        (Outcome.PLANNED, Verb.ADD, None, SyncState.PENDING),
        (Outcome.FAILED, Verb.UPDATE, "no space", SyncState.FAILED),
        (Outcome.DEFERRED, Verb.UPDATE, "waits for metadata", SyncState.PENDING),
        (Outcome.DEFERRED, Verb.UPDATE, "contested: category was corrected", SyncState.CONTESTED),
        (Outcome.BLOCKED, Verb.ADOPT, "another owner", SyncState.BLOCKED),
        (Outcome.DROPPED, Verb.UPDATE, "an earlier step failed", SyncState.DRIFT),
    ],
)
def test_states_of_outcomes(outcome: Outcome, verb: Verb, error: str | None, state: SyncState) -> None:
    finding = find(make_result(outcome, verb, error))
    assert (finding.state, finding.reason) == (state, error or "category differs")  # type: ignore[attr-defined]


def test_what_is_applied_is_no_finding() -> None:
    assert find(make_result(Outcome.APPLIED)) is None


def test_the_gravest_result_counts() -> None:
    finding = find(make_result(Outcome.PLANNED), make_result(Outcome.FAILED, error="no space"))
    assert finding.state is SyncState.FAILED  # type: ignore[attr-defined]


def test_a_refused_plan_blocks_its_torrents() -> None:
    finding = find(make_result(Outcome.PLANNED), verdict=GuardVerdict(True, ("12 deletions",)))
    assert (finding.state, finding.reason) == (SyncState.BLOCKED, "12 deletions")  # type: ignore[attr-defined]


def test_a_serious_fault_is_a_failure() -> None:
    fault = TorrentFault(make_infohash(1), "a", FaultKind.MISSING_FILES, "its files are gone")
    finding = find(faults=(fault,))
    assert (finding.state, finding.reason) == (SyncState.FAILED, "its files are gone")  # type: ignore[attr-defined]
