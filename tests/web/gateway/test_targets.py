"""The torrents that a call means."""

from __future__ import annotations

import pytest
from starlette.exceptions import HTTPException

from reconciler.model.infohash import InfoHashes
from reconciler.web.gateway.targets import select_targets
from tests.support.gateway_torrents import make_entry, make_known
from tests.support.magnets import make_infohash

V2 = "ab" * 32
TORRENTS = {
    make_infohash(1): make_known(1, make_entry(1)),
    make_infohash(2): make_known(2, make_entry(2, infohashes=InfoHashes(v1=make_infohash(22), v2=V2))),
    make_infohash(3): make_known(3, make_entry(3, "films.yaml"), is_handed_in=False),
    make_infohash(4): make_known(4, is_handed_in=False),
    make_infohash(5): make_known(5, is_handed_in=False, is_owned=False),
    make_infohash(6): make_known(6, make_entry(6, absent=True), sync_state="removed"),
}


def select(text: str, *, is_single: bool = False) -> list[str]:
    """Return the hashes of the torrents."""
    return [str(known.row["hash"]) for known in select_targets(TORRENTS, text, is_single=is_single)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", []),
        ("all", [1, 2]),
        (make_infohash(1), [1]),
        (make_infohash(1).upper() + "||" + make_infohash(1), [1]),
        (f"{make_infohash(9)}|x|{make_infohash(2)}", [2]),
        (f"{make_infohash(22)}|{V2}|{V2[:40]}", [2]),
        ("all|" + make_infohash(1), [1]),
        (make_infohash(6), []),
    ],
)
def test_unknown_torrents_are_skipped_and_all_means_those_of_services(text: str, numbers: list[int]) -> None:
    assert select(text) == [make_infohash(number) for number in numbers]


def test_one_torrent_must_exist() -> None:
    assert select(make_infohash(1), is_single=True) == [make_infohash(1)]
    for text in ("all", "", make_infohash(9)):
        with pytest.raises(HTTPException) as caught:
            select(text, is_single=True)
        assert (caught.value.status_code, caught.value.detail) == (404, "Not Found")


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (3, "is declared at films.yaml:3:5, and can only be changed there."),
        (4, "is ours, but was not handed in by a service."),
        (5, "is not ours: it was neither declared nor handed in."),
    ],
)
def test_what_no_service_handed_in_is_refused(number: int, reason: str) -> None:
    with pytest.raises(HTTPException) as caught:
        select(f"{make_infohash(1)}|{make_infohash(number)}")
    assert (caught.value.status_code, caught.value.detail) == (409, f"{make_infohash(number)} {reason}")
