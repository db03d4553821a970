"""Warnings of connections on which others could read the credentials."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.desired.builders.exposure import warn_of_exposure
from reconciler.desired.context import LoadContext
from tests.support.desired_yaml import list_texts, parse_document


def list_warnings(url: str, keys: str = "password: secret") -> list[str]:
    document = parse_document(f"instances:\n  home:\n    url: {url}\n    {keys}\n")
    context = LoadContext({})
    entry: dict[str, Any] = document.data["instances"]["home"]
    warn_of_exposure(url, entry, document, ("instances", "home"), context)
    assert context.problems == []
    return list_texts(context.warnings)


@pytest.mark.parametrize("key", ["password", "api_key"])
def test_a_secret_over_plain_http_to_another_machine_is_warned_of(key: str) -> None:
    name = key.replace("_", " ")
    assert list_warnings("http://192.168.1.2:8080", f"{key}: secret") == [
        f"3:10: the {name} goes over plain http to another machine, and anyone on the way can read it. Use https"
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "http://127.8.8.8",
        "http://[::1]:8080",
        "http://localhost",
        "http://qbt.localhost",
        "https://seedbox.example",
        "http://unresolved.invalid/home",
    ],
)
def test_the_same_machine_and_https_are_safe(url: str) -> None:
    assert list_warnings(url) == []


def test_credentials_for_a_proxy_are_exposed_too() -> None:
    (warning,) = list_warnings("http://seedbox.example", "basic_auth: {username: a, password: b}")
    assert "the basic auth goes over plain http" in warning


def test_a_name_that_only_looks_local_is_another_machine() -> None:
    assert len(list_warnings("http://localhost.example")) == 1


def test_without_a_secret_nothing_is_exposed() -> None:
    assert list_warnings("http://192.168.1.2", "username: admin") == []


def test_a_certificate_that_is_not_checked_is_warned_of() -> None:
    assert list_warnings("https://seedbox.example", "tls: {verify: true}") == []
    (warning,) = list_warnings("https://seedbox.example", "tls: {verify: false}")
    assert warning.startswith("4:19: the certificate is not checked: anyone on the way can read and change what is")
