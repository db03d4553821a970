"""Paths in the form in which they are compared, and the platform that they belong to."""

from __future__ import annotations

import pytest

from reconciler.model.paths import is_windows_path, normalize_path


@pytest.mark.parametrize(
    ("path", "normalized"),
    [
        ("/data/linux", "/data/linux"),
        ("/data/linux/", "/data/linux"),
        ("C:\\data\\linux\\", "C:/data/linux"),
        ("\\\\nas\\share\\", "//nas/share"),
        ("C:/data/", "C:/data"),
        ("relative/", "relative"),
    ],
)
def test_a_path_has_no_trailing_separator_and_only_forward_slashes(path: str, normalized: str) -> None:
    assert normalize_path(path) == normalized


def test_the_root_and_the_empty_path_stay() -> None:
    assert normalize_path("/") == "/"
    assert normalize_path("") == ""


def test_a_backslash_in_a_unix_name_stays() -> None:
    assert normalize_path("/data/a\\b") == "/data/a\\b"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("C:\\data", True),
        ("d:/data", True),
        ("\\\\nas\\share", True),
        ("//nas/share", True),
        ("/data", False),
        ("/C:/data", False),
        ("data/linux", None),
        ("", None),
    ],
)
def test_the_platform_of_a_path(path: str, expected: bool | None) -> None:
    assert is_windows_path(path) is expected
