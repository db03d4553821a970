"""Paths that clients see, and those of the instance."""

from __future__ import annotations

import pytest

from reconciler.web.path_maps import to_client_path, to_instance_path

MAP = {"/data": "/mnt/seedbox", "/data/films/": "/films", "D:\\torrents": "/mnt/windows"}


@pytest.mark.parametrize(
    ("instance", "client"),
    [
        ("/data", "/mnt/seedbox"),
        ("/data/linux/a.iso", "/mnt/seedbox/linux/a.iso"),
        ("/data/films/x", "/films/x"),
        ("/data/films", "/films"),
        ("/database/x", "/database/x"),
        ("/other", "/other"),
        ("", ""),
    ],
)
def test_the_longest_prefix_is_replaced_both_ways(instance: str, client: str) -> None:
    assert to_client_path(MAP, instance) == client
    assert to_instance_path(MAP, client) == instance


@pytest.mark.parametrize(
    ("path_map", "instance", "client"),
    [
        (MAP, "D:\\torrents\\a\\b", "/mnt/windows/a/b"),
        (MAP, "/data/", "/mnt/seedbox/"),
        ({"/": "/mnt/box"}, "/a", "/mnt/box/a"),
        ({"/box": "/"}, "/box/a", "/a"),
        ({"/box": "/"}, "/box", "/"),
        ({}, "/a", "/a"),
    ],
)
def test_paths_of_other_forms(path_map: dict[str, str], instance: str, client: str) -> None:
    assert to_client_path(path_map, instance) == client


def test_the_root_of_a_client_is_mapped_back() -> None:
    assert to_instance_path({"/": "/mnt/box"}, "/mnt/box/a") == "/a"
    assert to_instance_path({"/box": "/"}, "/a") == "/box/a"
    assert to_instance_path({"/": "/mnt/box"}, "/mnt/box") == "/"
