"""The desired state of all documents together."""

from __future__ import annotations

import pytest

from reconciler.desired.builders.desired_state import build_desired_state
from reconciler.desired.context import LoadContext
from reconciler.model.desired import DesiredState, Policy
from tests.support.desired_yaml import BUNNY, HEAD, SINTEL, list_texts, parse_document


def build(context: LoadContext, *texts: str) -> DesiredState:
    return build_desired_state([parse_document(text) for text in texts], context)


def test_documents_are_merged_in_order() -> None:
    context = LoadContext({})
    desired = build(
        context,
        f"{HEAD}quarantine: 7d\nguard: {{max_delete: 5}}\ntorrents: [{{magnet: '{SINTEL}'}}]\n",
        f"version: 1\nowner: me\ncategories: {{films: null}}\ntorrents: [{{magnet: '{BUNNY}', category: films}}]\n",
    )
    assert context.problems == []
    assert (desired.policy, desired.owner, desired.quarantine_days) == (Policy.SYNC, "me", 7)
    assert (desired.guard.max_delete, list(desired.instances), list(desired.categories)) == (5, ["home"], ["films"])
    assert [torrent.category for torrent in desired.torrents] == [None, "films"]


def test_defaults_are_of_their_document_only() -> None:
    desired = build(
        LoadContext({}),
        f"{HEAD}defaults: {{paused: true}}\ntorrents: [{{magnet: '{SINTEL}'}}]\n",
        f"version: 1\ntorrents: [{{magnet: '{BUNNY}'}}]\n",
    )
    assert [torrent.paused for torrent in desired.torrents] == [True, None]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("policy: upsert", '"policy" is already'),
        ("instances: {home: {url: 'http://127.0.0.1:9'}}", '"home" is already'),
    ],
)
def test_two_documents_cannot_declare_the_same(second: str, message: str) -> None:
    context = LoadContext({})
    build(context, HEAD, f"version: 1\n{second}\n")
    (problem,) = list_texts(context.problems)
    assert message in problem


def test_the_problems_of_all_documents_are_collected() -> None:
    context = LoadContext({})
    build(context, f"{HEAD}torrents: [{{magnet: x}}, 5]\n", "version: 1\nsuspend: 5\nunknown: 1\n")
    assert sorted(text.split(":")[0] for text in list_texts(context.problems)) == ["2", "3", "4", "4"]


def test_files_variables_and_warnings_of_the_load_are_part_of_the_state() -> None:
    context = LoadContext({"PW": "hunter2"}, files=["a.yaml", "a.yaml"])
    text = "version: 1\npolicy: upsert\ninstances:\n  home: {url: 'http://a', username: me, password: {env: PW}}\n"
    desired = build(context, text)
    assert desired.files == ("a.yaml",)
    assert desired.variables == frozenset({"PW"})
    assert [text.split(" and ")[0] for text in list_texts(desired.warnings)] == [
        "4:15: the password goes over plain http to another machine,"
    ]


@pytest.mark.parametrize(
    ("text", "is_warned"),
    [
        ("policy: sync", True),
        ("policy: sync\nowner: default", True),
        ("policy: sync\nowner: me", False),
        ("policy: upsert", False),
    ],
)
def test_sync_without_an_owner_of_its_own_is_a_warning(text: str, is_warned: bool) -> None:
    context = LoadContext({})
    build(context, "version: 1\ninstances: {home: {url: 'http://127.0.0.1:8080'}}\n", f"version: 1\n{text}\n")
    assert context.problems == []
    assert [warning.position.line for warning in context.warnings] == ([2] if is_warned else [])
    assert all("would delete your torrents" in warning.message for warning in context.warnings)
