"""The calls that change categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
from starlette.exceptions import HTTPException

from reconciler.model.desired import DesiredCategory
from reconciler.model.intake import Intake
from reconciler.model.position import Position
from reconciler.web.gateway.categories import IntakeCategories
from tests.support.gateway_torrents import RecordingIntake, make_entry, make_known
from tests.support.magnets import make_infohash

ENTRY = make_entry(2, category="own")
TORRENTS = {make_infohash(2): make_known(2, ENTRY), make_infohash(3): make_known(3, make_entry(3))}
GIT = {"git": DesiredCategory("git", Position("films.yaml", 4, 3))}


def call(name: str, fields: Mapping[str, str]) -> list[Any]:
    """Carry out a call, and return what it asks of the intake."""
    intake = RecordingIntake([ENTRY])
    categories = IntakeCategories(
        cast("Intake", intake), GIT, frozenset({"own", "git", "live"}), lambda path: path.replace("/mnt", "/data", 1)
    )
    if name == "remove":
        categories.remove(fields, TORRENTS)
    else:
        getattr(categories, name)(fields)
    return intake.calls


@pytest.mark.parametrize(
    ("name", "fields", "calls"),
    [
        ("create", {"category": "new"}, [("set_category", "new", None, None)]),
        ("create", {"category": "a/b", "savePath": "/mnt/n"}, [("set_category", "a/b", "/data/n", None)]),
        (
            "create",
            {"category": "new", "downloadPathEnabled": "true", "downloadPath": "/mnt/d"},
            [("set_category", "new", None, "/data/d")],
        ),
        (
            "edit",
            {"category": "own", "savePath": "/mnt/x", "downloadPathEnabled": "false", "downloadPath": "/d"},
            [("set_category", "own", "/data/x", False)],
        ),
        (
            "remove",
            {"categories": "own\nunknown\nlive"},
            [("change", {make_infohash(2): {"category": ""}}), ("remove_categories", ["own"])],
        ),
        ("remove", {"categories": "unknown"}, []),
    ],
)
def test_calls(name: str, fields: dict[str, str], calls: list[Any]) -> None:
    assert call(name, fields) == calls


@pytest.mark.parametrize(
    ("name", "fields", "status", "text"),
    [
        ("create", {}, 400, "Bad Request"),
        ("create", {"category": ""}, 400, "Category cannot be empty"),
        ("create", {"category": "a//b"}, 409, "Incorrect category name"),
        ("create", {"category": "live"}, 409, "Unable to create category"),
        ("create", {"category": "new", "downloadPathEnabled": "true"}, 409, '"downloadPathEnabled"'),
        ("edit", {"category": "own"}, 400, "Bad Request"),
        ("edit", {"category": "", "savePath": "/x"}, 400, "Category cannot be empty"),
        ("edit", {"category": "own", "savePath": "/data/own"}, 409, "Unable to edit category"),
        ("edit", {"category": "own", "savePath": ""}, 409, "an empty path cannot be declared"),
        ("edit", {"category": "unknown", "savePath": "/x"}, 409, "Unable to edit category"),
        ("edit", {"category": "live", "savePath": "/x"}, 409, "no service declared it"),
        ("edit", {"category": "git", "savePath": "/x"}, 409, '"git" is declared at films.yaml:4:3'),
        ("remove", {}, 400, "Bad Request"),
        ("remove", {"categories": "own\ngit"}, 409, '"git" is declared at films.yaml:4:3'),
    ],
)
def test_what_is_refused(name: str, fields: dict[str, str], status: int, text: str) -> None:
    with pytest.raises(HTTPException) as caught:
        call(name, fields)
    assert (caught.value.status_code, text in caught.value.detail) == (status, True)
