"""Addresses of this machine, which need no compression."""

from __future__ import annotations

import pytest

from reconciler.qbittorrent.client import is_loopback


@pytest.mark.parametrize(
    "url", ["http://localhost:8080", "http://127.0.0.1/qbt/", "https://[::1]:8080/", "http://127.9.9.9"]
)
def test_loopback_urls(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize("url", ["http://qbittorrent:8080", "http://10.0.0.1", "https://localhost.example/", "http://"])
def test_other_urls(url: str) -> None:
    assert not is_loopback(url)
