"""The rules for names and paths of categories."""

from __future__ import annotations

import pytest

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.categories import check_category_download_path, check_category_name


@pytest.mark.parametrize("text", ["a", "a/b/c", "Tv Shows", "日本", "a,b", "a:b"])
def test_categories(text: str) -> None:
    assert check_category_name(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the category is empty"),
        (" a", "the category begins or ends with a space, which qBittorrent removes"),
        ("a\nb", "the category contains a line break or control character"),
        ("a\\b", 'a category cannot contain "\\"'),
        ("/a", 'a category cannot begin or end with "/", or contain "//"'),
        ("a/", 'a category cannot begin or end with "/", or contain "//"'),
        ("a//b", 'a category cannot begin or end with "/", or contain "//"'),
    ],
)
def test_a_name_that_qbittorrent_would_store_differently_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidValue) as error:
        check_category_name(text)
    assert error.value.message == message


@pytest.mark.parametrize("value", ["/data/incomplete", "C:\\incomplete", False, None])
def test_a_download_path_is_a_path_or_false_or_not_managed(value: object) -> None:
    checked = check_category_download_path(value)
    assert (type(checked), checked) == (type(value), value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "a download_path must be a path, or false for none"),
        (0, "a download_path must be a path, or false for none"),
        (["/a"], "a download_path must be a path, or false for none"),
        ("", "the path is empty"),
        ("/a/../b", 'this path contains ".", ".." or an empty part, which qBittorrent would normalize'),
    ],
)
def test_another_download_path_is_refused(value: object, message: str) -> None:
    with pytest.raises(InvalidValue) as error:
        check_category_download_path(value)
    assert error.value.message == message
