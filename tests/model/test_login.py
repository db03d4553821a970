"""The credentials of an instance, as what tells whether they have changed."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.desired import BasicAuth, Instance
from reconciler.model.login import join_credentials
from reconciler.model.position import Position
from reconciler.model.secret import Secret

BOX = Instance("box", Position("desired.yaml", 4, 3), "http://box", "ab", Secret("c"))


def test_credentials_are_equal_only_if_all_of_them_are() -> None:
    assert join_credentials(BOX) == join_credentials(replace(BOX, name="other", url="http://x", pool_size=7))
    for changed in (
        replace(BOX, username="a", password=Secret("bc")),
        replace(BOX, password=None),
        replace(BOX, basic_auth=BasicAuth("a", Secret("b"))),
        replace(BOX, headers={"X": Secret("a")}),
    ):
        assert join_credentials(BOX) != join_credentials(changed)


def test_they_are_never_shown() -> None:
    assert f"{join_credentials(BOX)!r} {join_credentials(BOX)}" == "*** ***"
