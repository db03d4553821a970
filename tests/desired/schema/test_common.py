"""Rules of single values that the corpus of broken files does not spell out one by one."""

from __future__ import annotations

import pytest

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema import common


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5.0),
        ("90m", 5400.0),
        ("1h30m", 5400.0),
        ("24h", 86400.0),
        ("1d", 86400.0),
        ("0h1m1s", 61.0),
        ("007s", 7.0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert common.parse_duration(text) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        "5",
        "s",
        "5S",
        "5 s",
        "1m1h",
        "1.5s",
        "-1s",
        "1s1s",
        "1w",
        "0s",
        "25h",
        "9" * 400 + "s",
        5,
        5.0,
        "\u0665s",
    ],
)
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(InvalidValue) as error:
        common.parse_duration(value)
    assert error.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "http://h",
        "https://h/",
        "HTTP://h",
        "http://h:1/a/b",
        "http://[::1]:8080",
        "http://127.0.0.1",
        "http://ä.example/q%20b",
    ],
)
def test_urls(text: str) -> None:
    assert common.check_api_url(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "h", "/", "http:", "http://", "http:///x", "http://:80", "http://h:0", "http://h:x", "unix:/x"],
)
def test_what_is_no_url(text: str) -> None:
    with pytest.raises(InvalidValue):
        common.check_api_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "/a",
        "/",
        "//a",
        "/a//b",
        "/a/.",
        "/a/../b",
        "C:a",
        "C:",
        "\\a",
        "\\\\a",
        "\\\\a\\",
        "\\\\a\\\\b",
        "C:\\\\a",
        "C:/a//b",
        "a",
        "~",
        "/a\x85b",
    ],
)
def test_paths_that_would_drift_or_mean_nothing(text: str) -> None:
    if text in ("/a", "/"):
        assert common.check_save_path(text) == text
        return
    with pytest.raises(InvalidValue):
        common.check_save_path(text)


@pytest.mark.parametrize(
    "text", ["/a/", "/a/b.c/..d", "/a\\b", "C:\\", "C:\\a\\", "C:/a", "\\\\nas\\share", "\\\\nas\\share\\x\\"]
)
def test_paths(text: str) -> None:
    assert common.check_save_path(text) == text
