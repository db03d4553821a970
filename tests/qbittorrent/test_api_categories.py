"""The calls for categories: an edit replaces everything, so the values that it does not change are sent back."""

from __future__ import annotations

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.errors import RejectedError, UnsupportedError
from reconciler.model.snapshot import LiveCategory
from reconciler.model.versions import CATEGORY_SHARE_LIMITS_EDIT
from reconciler.qbittorrent import Session
from tests.support.instances import QBITTORRENT_ANSWERS, json_answer, make_instance, serve_stub, text_answer
from tests.support.raw import RawClient
from tests.support.stub_sessions import open_stub_session

EDITED = {"torrents/editCategory": text_answer("")}


def test_categories_are_read_by_name_with_normalized_paths() -> None:
    reply = json_answer('{"a": {"name": "a", "savePath": "/a/", "download_path": false, "ratio_limit": 2}}')
    with open_stub_session("5.2", {"torrents/categories": reply}) as (session, _):
        assert session.read_categories() == {"a": LiveCategory("a", "/a", {}, False)}
        assert session.read_categories()["a"].extra == {"ratio_limit": 2}


@pytest.mark.parametrize(
    ("download_path", "form"),
    [
        (None, {}),
        (False, {"downloadPathEnabled": "False", "downloadPath": ""}),
        ("/i", {"downloadPathEnabled": "True", "downloadPath": "/i"}),
    ],
)
def test_a_new_category_has_the_download_path_of_the_server_no_path_or_its_own(
    download_path: str | bool | None, form: dict[str, str]
) -> None:
    with open_stub_session("2.11.4", {"torrents/createCategory": text_answer("")}) as (session, requests):
        session.create_category("a", "/a", download_path)
    assert requests == [("torrents/createCategory", {"category": "a", "savePath": "/a", **form})]


def test_a_category_that_exists_is_not_created() -> None:
    answers = {"torrents/createCategory": text_answer("exists", 409)}
    with open_stub_session("2.11.4", answers) as (session, _), pytest.raises(RejectedError) as caught:
        session.create_category("a", "/a")
    assert caught.value.http_status == 409


def test_an_edit_sends_back_the_limits_that_are_set_and_no_others() -> None:
    extra = {"ratio_limit": 1.5, "seeding_time_limit": -2, "share_limit_action": "Stop", "share_limits_mode": "Default"}
    with open_stub_session("2.16.2", EDITED) as (session, requests):
        session.edit_category(LiveCategory("a", "/a", extra, "/i"), "/b")
    assert requests == [
        (
            "torrents/editCategory",
            {
                "category": "a",
                "savePath": "/b",
                "downloadPathEnabled": "True",
                "downloadPath": "/i",
                "ratioLimit": "1.5",
                "shareLimitAction": "Stop",
            },
        )
    ]


def test_an_edit_that_changes_nothing_is_not_sent() -> None:
    with open_stub_session("2.11.4", EDITED) as (session, requests):
        session.edit_category(LiveCategory("a", "/a", {}, "/i"), "/a/")
        session.edit_category(LiveCategory("a", "/a", {}, "/i"), "/a", "/i")
    assert requests == []


@pytest.mark.parametrize("names", [[], [""], ["a", "b\nc"]])
def test_names_that_the_server_would_misread_are_not_sent(names: list[str]) -> None:
    answers = {"torrents/removeCategories": text_answer("")}
    with open_stub_session("2.11.4", answers) as (session, requests):
        with pytest.raises(ValueError, match="non-empty collection"):
            session.remove_categories(names)
        session.remove_categories(["a", "b/c"])
    assert requests == [("torrents/removeCategories", {"categories": "a\nb/c"})]


@pytest.mark.parametrize("download_path", [None, False, "", "/incomplete"])
def test_an_edited_category_keeps_its_download_path(
    server: QbittorrentServer, download_path: str | bool | None
) -> None:
    raw, form = RawClient(server), {"category": "a", "savePath": "/a"}
    if download_path is not None:
        form |= {"downloadPathEnabled": str(download_path is not False), "downloadPath": str(download_path or "")}
    raw.post("torrents/createCategory", **form)
    before = raw.list_categories()["a"]
    with Session(make_instance(server)) as session:
        session.edit_category(session.read_categories()["a"], "/b")
    assert raw.list_categories()["a"] == {**before, "savePath": "/b"}


LIMITS = {
    "ratioLimit": "1.5",
    "seedingTimeLimit": "60",
    "inactiveSeedingTimeLimit": "-1",
    "shareLimitAction": "Remove",
    "shareLimitsMode": "MatchAll",
}


@pytest.mark.builds("5.3.0", having=CATEGORY_SHARE_LIMITS_EDIT)
def test_an_edited_category_keeps_its_share_limits(server: QbittorrentServer) -> None:
    raw = RawClient(server)
    raw.post(
        "torrents/createCategory",
        category="a",
        savePath="/a",
        downloadPath="/i",
        downloadPathEnabled="true",
        **LIMITS,
    )
    before = raw.list_categories()["a"]
    assert (before["ratio_limit"], before["share_limits_mode"]) == (1.5, "MatchAll")
    with Session(make_instance(server)) as session:
        session.edit_category(session.read_categories()["a"], "/b")
    assert raw.list_categories()["a"] == {**before, "savePath": "/b"}


@pytest.mark.parametrize("web_api", ["2.15.1", "2.16.1"])
def test_an_edit_that_would_reset_share_limits_is_not_sent(web_api: str) -> None:
    # 5.2 resets them, and an edit cannot carry them (4b429e4f in qBittorrent fixes it for 5.3)
    unset = {"ratio_limit": -2, "share_limit_action": "Default", "download_path": None}
    answers = {
        **QBITTORRENT_ANSWERS,
        "app/webapiVersion": text_answer(web_api),
        "torrents/editCategory": text_answer(""),
    }
    with serve_stub(answers) as url, Session(make_instance(url)) as session:
        session.edit_category(LiveCategory("a", "/a", unset), "/b")
        assert session.request_count == 3
        with pytest.raises(UnsupportedError, match=r"share limits .* 5.3"):
            session.edit_category(LiveCategory("a", "/a", {**unset, "ratio_limit": 1.5}), "/b")
        assert session.request_count == 3
