"""The descriptions of `intake` and `gateway` name the defaults that hold."""

from __future__ import annotations

from reconciler.desired.json_schema.gateway_keys import GATEWAY_KEY_DESCRIPTIONS


def test_the_limits_of_an_intake_have_their_defaults() -> None:
    intake = GATEWAY_KEY_DESCRIPTIONS["IntakeEntry"]
    assert (intake["max_torrents"].default, intake["max_delete"].default) == (10_000, 100)
    assert GATEWAY_KEY_DESCRIPTIONS["GatewayEntry"]["shows"].default == "owned"
