"""The calls on tags of the instance; the conformance suite shows their effects on every version."""

from __future__ import annotations

import pytest

from reconciler.model.errors import InstanceError
from reconciler.qbittorrent.api_tags import check_tags
from tests.support.instances import json_answer, text_answer
from tests.support.stub_sessions import open_stub_session

DONE = {"torrents/createTags": text_answer(""), "torrents/deleteTags": text_answer("")}


def test_each_call_is_one_request() -> None:
    with open_stub_session("2.11.4", {**DONE, "torrents/tags": json_answer('["a", "b"]')}) as (session, requests):
        assert session.read_tags() == {"a", "b"}
        session.create_tags(["a", "c/d"])
        session.delete_tags(["a"])
    assert requests[:3] == [
        ("torrents/tags", {}),
        ("torrents/createTags", {"tags": "a,c/d"}),
        ("torrents/deleteTags", {"tags": "a"}),
    ]


@pytest.mark.parametrize("reply", ["{}", "[1]", '["a"'])
def test_a_reply_that_is_no_list_of_tags_is_an_error(reply: str) -> None:
    with (
        open_stub_session("2.11.4", {"torrents/tags": json_answer(reply)}) as (session, _),
        pytest.raises(InstanceError),
    ):
        session.read_tags()


@pytest.mark.parametrize("tags", [[], [""], [" "], ["a,b"]])
def test_names_that_the_server_would_read_differently_are_refused(tags: list[str]) -> None:
    with pytest.raises(ValueError):
        check_tags(tags)
