"""Several servers look like one."""

from __future__ import annotations

from reconciler.web.gateway.server_state import TRANSFER_KEYS, merge_server_states, select_transfer_info
from tests.support.catalogues import make_rows

HOME = {"dl_info_speed": 5, "dl_rate_limit": 10, "connection_status": "firewalled", "free_space_on_disk": 70}
HOME |= {"alltime_dl": 10, "alltime_ul": 25, "queueing": True, "last_external_address_v4": "192.0.2.1"}
AWAY = {"dl_info_speed": 7, "dl_rate_limit": 10, "connection_status": "connected", "free_space_on_disk": 50}


def test_amounts_are_added_and_the_best_connection_counts() -> None:
    instances = [make_rows("home", server_state=HOME), make_rows("away", server_state=AWAY)]
    merged = merge_server_states(instances, ("home",))
    assert (merged["dl_info_speed"], merged["dl_rate_limit"], merged["connection_status"]) == (12, 20, "connected")
    assert (merged["global_ratio"], merged["queueing"], merged["last_external_address_v4"]) == (
        "2.50",
        True,
        "192.0.2.1",
    )
    assert select_transfer_info(merged).keys() == set(TRANSFER_KEYS)


def test_the_free_space_is_the_least_of_the_targets_and_unknown_is_no_zero() -> None:
    instances = [make_rows("home", server_state=HOME), make_rows("away", server_state=AWAY)]
    assert merge_server_states(instances, ("home", "away"))["free_space_on_disk"] == 50
    assert (
        merge_server_states([make_rows("home", server_state={"dht_nodes": 1})], ("home",))["free_space_on_disk"] == -1
    )


def test_one_server_without_a_limit_means_none() -> None:
    unlimited = make_rows("away", server_state={**AWAY, "dl_rate_limit": 0})
    assert merge_server_states([make_rows("home", server_state=HOME), unlimited], ())["dl_rate_limit"] == 0


def test_servers_that_are_away_count_for_nothing() -> None:
    merged = merge_server_states([make_rows("home", server_state=HOME, is_read=False)], ("home",))
    assert (merged["dl_info_speed"], merged["connection_status"]) == (0, "disconnected")
    assert (merged["free_space_on_disk"], merged["global_ratio"]) == (-1, "-")
