"""The targets of the fuzzer hold on the inputs that it begins with, and on inputs that it once failed on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired.schema import torrents
from reconciler.web.gateway import parameters
from tests.support.fuzz.gateway import FILES, NAMES, TEXTS, check_add
from tests.support.fuzz.replies import ANSWERS, VALUES, check_replies, distort_answers
from tests.support.fuzz.targets import TARGETS
from tests.support.search_effort import take_examples

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


@take_examples(40)
@given(
    st.tuples(st.integers(0, 11), st.integers(0, len(ANSWERS) - 1)),
    st.lists(st.tuples(st.lists(st.integers(0, 255), max_size=3), st.integers(0, len(VALUES) - 1)), max_size=3),
)
def test_any_value_in_any_answer_is_an_error_of_that_instance_at_most(
    place: tuple[int, int], changes: list[tuple[list[int], int]]
) -> None:
    steps = bytes(byte for path, value in changes for byte in (*(b for key in path for b in (1, key)), 0, value))
    check_replies(bytes([*place, 0, max(0, len(changes) - 1)]) + steps)


@st.composite
def changed_bytes(draw: st.DrawFn, starts: Sequence[bytes]) -> bytes:
    """Bytes to begin with, of which parts are replaced by others."""
    data = draw(st.sampled_from(starts))
    for _ in range(draw(st.integers(0, 3))):
        start, length = draw(st.integers(0, len(data))), draw(st.sampled_from([0, 1, 1, 8, 100]))
        data = data[:start] + draw(st.binary(max_size=8)) + data[start + length :]
    return data


urls = changed_bytes([*TARGETS["magnets"].seeds(), b"http://h.invalid/a.torrent", b""]).map(
    lambda data: data.decode(errors="replace")
)
fields = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TEXTS) | st.text(max_size=20), max_size=4)


@take_examples(40)
@given(fields, st.lists(urls, max_size=2), changed_bytes([*FILES, *TARGETS["torrents"].seeds()]))
def test_any_torrent_that_is_handed_in_leaves_a_valid_file_and_is_no_internal_error(
    given_fields: dict[str, str], links: list[str], file: bytes
) -> None:
    check_add({**given_fields, "urls": "\n".join(links)}, file)


@pytest.fixture
def lets_reserved_tags_through(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither the gateway nor the desired state refuses them. The verdict on a tag is cached, so it is forgotten."""
    with monkeypatch.context() as patches:
        for module in (parameters, torrents):
            patches.setattr(module, "is_reserved_tag", lambda _: False)
        yield
    torrents.check_tag_name.cache_clear()


@pytest.mark.usefixtures("lets_reserved_tags_through")
def test_a_gateway_that_lets_reserved_tags_through_is_noticed() -> None:
    noticed = []
    for data in TARGETS["gateway"].seeds():
        try:
            TARGETS["gateway"].check(data)
        except AssertionError as error:
            noticed.append(str(error).partition("\n")[0])
    assert noticed == ["{'reconcile:x'}"] * 3


def test_bytes_choose_the_answer_that_is_distorted() -> None:
    whole = distort_answers(b"")
    assert whole.keys() == ANSWERS.keys()
    assert distort_answers(bytes([0, 0, 7]) + b"xyz")["torrents/info"] == b"xyz"
    assert distort_answers(bytes([0, 2, 0, 0, 0, 3]))["torrents/categories"] == VALUES[3].encode()
