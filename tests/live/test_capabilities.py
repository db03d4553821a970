"""What a Web API version means, and which addresses are this machine."""

from __future__ import annotations

import pytest

from reconciler.qbittorrent.capabilities import Capabilities, parse_api_version
from reconciler.qbittorrent.client import is_loopback


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("2.5.1", (2, 5, 1)),
        ("2.11", (2, 11)),
        ("2.16.2-dev", (2, 16, 2)),
        ("10.0.1", (10, 0, 1)),
        ("", None),
        ("2", None),
        ("v2.1", None),
        ("<html>", None),
    ],
)
def test_versions_are_numbers(text: str, numbers: tuple[int, ...] | None) -> None:
    assert parse_api_version(text) == numbers


@pytest.mark.parametrize(
    ("web_api", "tags_at_add", "resets_limits", "tested"),
    [
        ((2, 6, 1), False, False, True),
        ((2, 7), True, False, True),
        ((2, 11, 4), True, False, True),
        ((2, 15, 1), True, True, True),
        ((2, 16, 1), True, True, True),
        ((2, 16, 2), True, False, True),
        ((2, 16, 3), True, False, False),
        ((2, 100), True, False, False),
    ],
)
def test_what_a_version_can_do(web_api: tuple[int, ...], tags_at_add: bool, resets_limits: bool, tested: bool) -> None:
    can = Capabilities(web_api)
    assert (can.can_tag_at_add, can.resets_category_limits, can.is_tested) == (tags_at_add, resets_limits, tested)


@pytest.mark.parametrize(
    "url", ["http://localhost:8080", "http://127.0.0.1/qbt/", "https://[::1]:8080/", "http://127.9.9.9"]
)
def test_this_machine_is_known(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize("url", ["http://qbittorrent:8080", "http://10.0.0.1", "https://localhost.example/", "http://"])
def test_every_other_place_is_a_network(url: str) -> None:
    assert not is_loopback(url)
