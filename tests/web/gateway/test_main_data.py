"""A client that applies the replies of sync/maindata knows what one that reads everything knows."""

from __future__ import annotations

import json
import random
from typing import Any

from reconciler.web.catalogue import KnownTorrent
from reconciler.web.gateway.main_data import MAX_RID, MainDataMemory, MainState, index_trackers
from tests.support.catalogues import make_row


def make_known(letter: str, **fields: Any) -> KnownTorrent:
    return KnownTorrent(make_row(letter, **fields))


def make_state(*known: KnownTorrent, **fields: Any) -> MainState:
    torrents = {item.row["hash"]: item for item in known}
    return MainState(torrents, trackers=index_trackers(torrents), **fields)


def ask(memory: MainDataMemory, rid: int, state: MainState) -> Any:
    return json.loads(memory.reply(rid, state))


def test_the_first_reply_has_everything_and_the_next_one_only_what_changed() -> None:
    memory, first = MainDataMemory(), make_known("a", magnet_uri="magnet:?xt=urn:btih:a&tr=http%3A%2F%2Ft")
    state = make_state(first, make_known("b"), tags=("hd",), server_state={"dht_nodes": 1}, categories={"tv": {}})
    full = ask(memory, 0, state)
    assert (full["rid"], full["full_update"], full["tags"]) == (1, True, ["hd"])
    assert full["torrents"].keys() == {"a" * 40, "b" * 40}
    assert full["torrents"]["a" * 40] == {key: value for key, value in first.row.items() if key != "hash"}
    assert full["trackers"] == {"http://t": ["a" * 40]}
    assert ask(memory, 1, state) == {"rid": 2}
    changed = make_state(
        first, make_known("b", progress=0.5), make_known("c"), tags=("new",), server_state={"dht_nodes": 2}
    )
    delta = ask(memory, 2, changed)
    assert delta["torrents"]["b" * 40] == {"progress": 0.5}
    assert len(delta["torrents"]["c" * 40]) == len(first.row) - 1
    assert (delta["tags"], delta["tags_removed"], delta["categories_removed"]) == (["new"], ["hd"], ["tv"])
    assert (delta["server_state"], "full_update" in delta, "trackers" in delta) == ({"dht_nodes": 2}, False, False)
    removed = ask(memory, 3, make_state(make_known("c")))
    assert removed["torrents_removed"] == ["a" * 40, "b" * 40]
    assert removed["trackers_removed"] == ["http://t"]


def test_a_reply_that_got_lost_is_made_up_for() -> None:
    memory = MainDataMemory()
    ask(memory, 0, make_state(make_known("a")))
    assert "torrents" in ask(memory, 1, make_state(make_known("a", progress=0.5)))  # is lost
    again = ask(memory, 1, make_state(make_known("a", progress=0.6)))
    assert (again["rid"], again["torrents"]) == (3, {"a" * 40: {"progress": 0.6}})
    assert ask(memory, 2, make_state())["full_update"]  # that one was dropped
    assert ask(memory, 99, make_state())["full_update"]


def test_clients_of_a_shared_session_do_not_drive_each_other_out() -> None:
    memory, state = MainDataMemory(kept=4), make_state(make_known("a"))
    rids = [ask(memory, 0, state)["rid"], ask(memory, 0, state)["rid"]]
    for _ in range(5):
        replies = [ask(memory, rid, state) for rid in rids]
        assert not any("full_update" in reply for reply in replies)
        rids = [reply["rid"] for reply in replies]


def test_an_empty_world_says_only_that_it_is_everything() -> None:
    assert ask(MainDataMemory(), 0, MainState()) == {"rid": 1, "full_update": True, "server_state": {}}


def test_numbers_begin_again() -> None:
    memory = MainDataMemory()
    memory._last_rid = MAX_RID
    assert ask(memory, 0, MainState())["rid"] == 1


def test_applied_replies_equal_the_state() -> None:
    dice, memory, rid = random.Random(3), MainDataMemory(), 0
    torrents: dict[str, KnownTorrent] = {}
    client: dict[str, Any] = {}
    for _ in range(200):
        letter = dice.choice("abcdef")
        if dice.random() < 0.3:
            torrents.pop(letter * 40, None)
        else:
            torrents[letter * 40] = make_known(letter, progress=dice.randrange(3), category=dice.choice("xyz"))
        reply = ask(memory, rid, MainState(dict(torrents)))
        if dice.random() < 0.2:
            continue  # it is lost
        client = {} if reply.get("full_update") else client
        for key, fields in reply.get("torrents", {}).items():
            client[key] = {**client.get(key, {}), **fields}
        for key in reply.get("torrents_removed", ()):
            client.pop(key, None)
        rid = reply["rid"]
        wanted = {key: {**known.row} for key, known in torrents.items()}
        assert {key: {"hash": key, **row} for key, row in client.items()} == wanted
