"""How many torrents are ours, from run to run, and when that is not believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.journal.run_rows import next_owned_count
from reconciler.model.plan import Outcome, Verb
from reconciler.model.run import InstanceResult, Status
from tests.support.journal_runs import away, done, well

ADD, ADOPT, UPDATE, DELETE = Verb.ADD, Verb.ADOPT, Verb.UPDATE, Verb.DELETE
BLOCKED = Outcome.BLOCKED


@pytest.mark.parametrize(
    ("before", "result", "after"),
    [
        (None, well(owned=12), 12),
        (None, away(), None),
        (12, away(), 12),
        (12, well(done(ADD, 1), done(ADOPT, 2), done(UPDATE, 3), done(DELETE, 4), owned=12), 13),
        (12, well(done(ADD, 1, Outcome.FAILED), owned=12), 12),
        (12, well(owned=6), 6),  # half is not less than half
        (12, well(done(DELETE, 1, BLOCKED), owned=5), 12),
        (12, well(done(ADD, 1), done(DELETE, 1, BLOCKED), owned=5), 12),
        (12, well(done(ADD, 1), owned=5), 12),  # it is being rebuilt
        (12, well(owned=5), 5),  # all that is declared is there, and nothing is to be deleted
        (12, well(done(DELETE, 1), owned=5), 4),  # a person has approved it
        (12, well(done(DELETE, 1, Outcome.FAILED), owned=5), 12),
        (12, InstanceResult("home", Status.UNREACHABLE, "lost", "v5", results=(done(DELETE, 1),), owned=12), 11),
        (12, InstanceResult("home", Status.SUSPENDED, version="v5", results=(done(ADD, 1, Outcome.PLANNED),)), 12),
        (0, well(owned=0), 0),
    ],
)
def test_owned_after(before: int | None, result: InstanceResult, after: int | None) -> None:
    assert next_owned_count(result, before) == after


@given(st.integers(1, 100), st.lists(st.integers(0, 49), min_size=1, max_size=20))
def test_bad_reads_in_a_row_are_all_not_believed(before: int, reads: list[int]) -> None:
    remembered: int | None = before
    for owned in reads:
        if owned * 2 < before:
            remembered = next_owned_count(well(done(ADD, 1), done(DELETE, 2, BLOCKED), owned=owned), remembered)
    assert remembered == before
