"""The count of owned torrents from run to run, and the runs whose count is not trusted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.journal.run_rows import next_owned_count
from reconciler.model.plan import Outcome, Verb
from reconciler.model.run import InstanceResult, Status
from tests.support.journal_runs import make_action_result, make_read_instance, make_unread_instance

ADD, ADOPT, UPDATE, DELETE = Verb.ADD, Verb.ADOPT, Verb.UPDATE, Verb.DELETE
BLOCKED = Outcome.BLOCKED


@pytest.mark.parametrize(
    ("before", "result", "after"),
    [
        (None, make_read_instance(owned=12), 12),
        (None, make_unread_instance(), None),
        (12, make_unread_instance(), 12),
        (
            12,
            make_read_instance(
                make_action_result(ADD, 1),
                make_action_result(ADOPT, 2),
                make_action_result(UPDATE, 3),
                make_action_result(DELETE, 4),
                owned=12,
            ),
            13,
        ),
        (12, make_read_instance(make_action_result(ADD, 1, Outcome.FAILED), owned=12), 12),
        (12, make_read_instance(owned=6), 6),  # half is not less than half
        (12, make_read_instance(make_action_result(DELETE, 1, BLOCKED), owned=5), 12),
        (12, make_read_instance(make_action_result(ADD, 1), make_action_result(DELETE, 1, BLOCKED), owned=5), 12),
        (12, make_read_instance(make_action_result(ADD, 1), owned=5), 12),  # it is being rebuilt
        (12, make_read_instance(owned=5), 5),  # all that is declared is there, and nothing is to be deleted
        (12, make_read_instance(make_action_result(DELETE, 1), owned=5), 4),  # a person has approved it
        (12, make_read_instance(make_action_result(DELETE, 1, Outcome.FAILED), owned=5), 12),
        (
            12,
            InstanceResult(
                "home", Status.UNREACHABLE, "lost", "v5", results=(make_action_result(DELETE, 1),), owned=12
            ),
            11,
        ),
        (
            12,
            InstanceResult(
                "home", Status.SUSPENDED, version="v5", results=(make_action_result(ADD, 1, Outcome.PLANNED),)
            ),
            12,
        ),
        (0, make_read_instance(owned=0), 0),
    ],
)
def test_owned_after(before: int | None, result: InstanceResult, after: int | None) -> None:
    assert next_owned_count(result, before) == after


@given(st.integers(1, 100), st.lists(st.integers(0, 49), min_size=1, max_size=20))
def test_implausible_reads_in_a_row_are_all_rejected(before: int, reads: list[int]) -> None:
    remembered: int | None = before
    for owned in reads:
        if owned * 2 < before:
            remembered = next_owned_count(
                make_read_instance(make_action_result(ADD, 1), make_action_result(DELETE, 2, BLOCKED), owned=owned),
                remembered,
            )
    assert remembered == before
