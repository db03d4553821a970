"""The rows of the table of instances: what is not known is not a zero."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reconciler.model.groups import PlacementFacts
from reconciler.model.live_state import LiveState
from reconciler.model.plan import Outcome, Verb
from reconciler.model.rows import InstanceRows
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.web import StatusBoard
from reconciler.web.pages.instances import (
    InstanceCells,
    TransferFacts,
    build_instance_cells,
    count_torrents,
    find_transfer_facts,
)
from tests.support.example_runs import PLAN_HASH, make_instance_result, make_torrent_action, planned, unhealthy
from tests.support.status_site import BACKOFF, NOON, make_finished_run

STATE = {"free_space_on_disk": 5 << 30, "dl_info_speed": 0, "up_info_speed": 2048}
ROWS = InstanceRows("home", server_state=STATE, is_read=True, read_at=NOON)


def build(board: StatusBoard, run: Run, **rest: object) -> dict[str, InstanceCells]:
    """The rows after a run."""
    board.on_run_end(make_finished_run(run, **rest))  # type: ignore[arg-type]
    return {row.name: row for row in build_instance_cells(board.get_view(), {})}


def test_an_instance_that_is_down_has_no_counts(board: StatusBoard) -> None:
    row = build(board, planned(), waiting={"attic": BACKOFF})["attic"]
    assert (row.owned, row.foreign, row.facts) == (None, None, TransferFacts())
    assert (row.label, row.next_label, row.next_at) == ("unreachable", "try", BACKOFF.until)
    assert row.down_reason == "no connection to http://attic:8080: connection refused"


def test_refused_credentials_are_looked_at_and_not_tried(board: StatusBoard) -> None:
    row = build(board, planned(), waiting={"attic": replace(BACKOFF, status=Status.AUTH_FAILED)})["attic"]
    assert (row.label, row.next_label, row.has_refused_credentials) == ("credentials refused", "look", True)


def test_probes_that_fail(board: StatusBoard) -> None:
    rows = build(board, unhealthy())
    assert (rows["seedbox"].health, [probe.probe for probe in rows["seedbox"].failing_probes]) == (
        "VPN is down",
        ["interface wg0"],
    )
    assert rows["home"].health == ""


def test_only_addresses_of_web_pages_are_links(board: StatusBoard) -> None:
    board.on_run_end(make_finished_run(planned()))
    view = board.get_view()
    hostile = replace(view, instances=tuple(replace(row, url="javascript:alert(1)") for row in view.instances))
    assert {row.web_ui for row in build_instance_cells(hostile, {})} == {""}


def test_counts_are_those_after_the_run() -> None:
    def make_result(verb: Verb, outcome: Outcome = Outcome.APPLIED) -> ActionResult:
        return ActionResult(make_torrent_action(verb, "a", "", number=1), outcome)

    def count(*results: ActionResult) -> tuple[int, int]:
        return count_torrents(make_instance_result("home", results, owned=10, foreign=5))

    assert count() == (10, 5)
    assert count(make_result(Verb.ADD)) == (11, 5)
    assert count(make_result(Verb.ADOPT)) == (11, 4)
    assert count(make_result(Verb.DELETE), make_result(Verb.UPDATE)) == (9, 5)
    assert count(make_result(Verb.ADD, Outcome.PLANNED)) == (10, 5)


def test_what_clients_have_read_lately() -> None:
    facts = find_transfer_facts("home", NOON + timedelta(seconds=5), {"home": ROWS}, None)
    assert facts == TransferFacts(5 << 30, NOON, 0, 2048)


def test_an_old_rate_is_not_known() -> None:
    facts = find_transfer_facts("home", NOON + timedelta(minutes=5), {"home": ROWS}, None)
    assert facts == TransferFacts(5 << 30, NOON)
    facts = find_transfer_facts("home", NOON, {"home": replace(ROWS, is_read=False)}, None)
    assert facts == TransferFacts(5 << 30, NOON)


def test_free_space_of_the_last_run() -> None:
    live_state = LiveState(NOON, "home", facts=PlacementFacts(free_space={"home": 7}))
    assert find_transfer_facts("home", NOON, {}, live_state) == TransferFacts(7, NOON)
    assert find_transfer_facts("attic", NOON, {}, live_state) == TransferFacts()


def test_what_qbittorrent_does_not_know_is_not_known() -> None:
    rows = replace(ROWS, server_state={"free_space_on_disk": -1})
    assert find_transfer_facts("home", NOON, {"home": rows}, None) == TransferFacts()


def test_a_run_without_a_read_keeps_the_reason(board: StatusBoard) -> None:
    broken = Run(RunMode.APPLY, PLAN_HASH, 1, (InstanceResult("home", Status.ERROR, "home: it broke off"),))
    assert build(board, broken)["home"].down_reason == "it broke off"


def test_a_suspended_instance_says_until_when(board: StatusBoard) -> None:
    result = replace(make_instance_result("home"), status=Status.SUSPENDED, suspended_until=NOON)
    row = build(board, Run(RunMode.APPLY, PLAN_HASH, 0, (result,)))["home"]
    assert (row.label, row.is_suspended, row.suspended_until) == ("suspended", True, NOON)
