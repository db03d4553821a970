"""The calls on the tags of the instance itself, whether torrents have them or not."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from reconciler.qbittorrent.connection import Connection

DELETE_TIMEOUT: Final = 10.0  # seconds; it is the last request of a run, also of one that was asked to stop


class TagCalls:
    """The calls of `Session` on tags of the instance."""

    _connection: Connection

    def read_tags(self) -> frozenset[str]:
        """Return all tags of the instance."""
        return frozenset(self._connection.call("torrents/tags", lambda client: client.read_tag_names()))

    def create_tags(self, tags: Collection[str]) -> None:
        """Create tags. An existing tag is no error."""
        names = check_tags(tags)
        self._connection.call("torrents/createTags", lambda client: client.torrents_create_tags(names))

    def delete_tags(self, tags: Collection[str]) -> None:
        """Delete tags, also from torrents that have them. A missing tag is no error. The answer may not take long."""
        names, arguments = check_tags(tags), {"timeout": DELETE_TIMEOUT}
        self._connection.call(
            "torrents/deleteTags", lambda client: client.torrents_delete_tags(names, requests_args=arguments)
        )


def check_tags(tags: Collection[str]) -> list[str]:
    """Return the tags as a list; raise `ValueError` for no tags, or a comma in a tag, because commas join them."""
    if not tags or any(not tag.strip() or "," in tag for tag in tags):
        raise ValueError("tags are a non-empty collection of names without commas")
    return list(tags)
