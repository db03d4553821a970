"""The targets of the fuzzer hold on the inputs that it begins with, and on inputs that it once failed on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fuzz.replies import ANSWERS, VALUES, check_replies, distort_answers
from tests.support.fuzz.targets import TARGETS

ONCE_FAILED: dict[str, list[bytes]] = {
    "yaml": [],
    "magnets": [],
    "torrents": [],
    "replies": [bytes([0, 10]), bytes([5, 15])],
    "gateway": [],
}


@pytest.mark.parametrize("name", TARGETS)
def test_inputs_to_begin_with_end_in_no_traceback(name: str) -> None:
    target = TARGETS[name]
    for data in (*target.seeds(), *ONCE_FAILED[name]):
        target.check(data)


@settings(max_examples=60)
@given(
    st.tuples(st.integers(0, 11), st.integers(0, len(ANSWERS) - 1)),
    st.lists(st.tuples(st.lists(st.integers(0, 255), max_size=3), st.integers(0, len(VALUES) - 1)), max_size=3),
)
def test_any_value_in_any_answer_is_an_error_of_that_instance_at_most(
    place: tuple[int, int], changes: list[tuple[list[int], int]]
) -> None:
    steps = bytes(byte for path, value in changes for byte in (*(b for key in path for b in (1, key)), 0, value))
    check_replies(bytes([*place, 0, max(0, len(changes) - 1)]) + steps)


def test_bytes_choose_the_answer_that_is_distorted() -> None:
    whole = distort_answers(b"")
    assert whole.keys() == ANSWERS.keys()
    assert distort_answers(bytes([0, 0, 7]) + b"xyz")["torrents/info"] == b"xyz"
    assert distort_answers(bytes([0, 2, 0, 0, 0, 3]))["torrents/categories"] == VALUES[3].encode()
