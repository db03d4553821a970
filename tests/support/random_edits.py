"""Random changes in qBittorrent, as a person makes them."""

from __future__ import annotations

import random
from contextlib import suppress

from reconciler.demo.servers import QbittorrentServer
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient, RawRefusal

TAGS = ("a", "b", "reconcile:home")
CATEGORIES = ("", "linux", "films")


class RandomEditor:
    """Changes a server by one random step at a time; the same seed makes the same steps."""

    def __init__(self, server: QbittorrentServer, dice: random.Random) -> None:
        self._raw, self._dice = RawClient(server), dice
        self._root = server.profile / "elsewhere"
        self._there: list[int] = []
        self._next = 0
        self._steps = (
            *(self._delete, self._again, self._tag, self._untag, self._rename, self._switch, self._move),
            *(self._automatic, self._categorise, self._make_category, self._edit_category, self._drop_category),
            *(self._limit, self._share, self._toggle, self._track, self._comment, self._force, self._incomplete),
        )

    def change(self) -> None:
        """Make one random change. The server may refuse it."""
        dice = self._dice
        if not self._there or dice.random() < 0.25:
            self._add()
            return
        number = dice.choice(self._there)
        step = dice.choice(self._steps)
        with suppress(RawRefusal):
            step(number)

    def _add(self) -> None:
        count = self._dice.randrange(1, 4)
        numbers = range(self._next, self._next + count)
        self._raw.add_magnets(map(make_magnet, numbers), category=self._dice.choice(CATEGORIES))
        self._there += numbers
        self._next += count

    def _delete(self, number: int) -> None:
        self._raw.post("torrents/delete", hashes=make_infohash(number), deleteFiles="false")
        self._there.remove(number)

    def _again(self, number: int) -> None:
        """Delete a torrent and add it again with other values, between two reads."""
        self._delete(number)
        self._raw.wait_until(lambda: make_infohash(number) not in self._raw.list_torrents())
        self._raw.add_magnets([make_magnet(number)], category=self._dice.choice(CATEGORIES))
        self._there.append(number)

    def _tag(self, number: int) -> None:
        self._raw.add_tags([number], self._dice.choice(TAGS))

    def _untag(self, number: int) -> None:
        self._raw.remove_tags([number], *TAGS[:2])

    def _rename(self, number: int) -> None:
        self._raw.post("torrents/rename", hash=make_infohash(number), name=f"name {self._dice.randrange(9)}")

    def _switch(self, number: int) -> None:
        self._dice.choice([self._raw.stop_torrents, self._raw.start_torrents])(number)

    def _move(self, number: int) -> None:
        place = self._root / str(self._dice.randrange(3))
        self._raw.post("torrents/setLocation", hashes=make_infohash(number), location=str(place))

    def _automatic(self, number: int) -> None:
        enable = self._dice.choice(["true", "false"])
        self._raw.post("torrents/setAutoManagement", hashes=make_infohash(number), enable=enable)

    def _categorise(self, number: int) -> None:
        self._raw.post("torrents/setCategory", hashes=make_infohash(number), category=self._dice.choice(CATEGORIES))

    def _make_category(self, number: int) -> None:
        self._raw.post("torrents/createCategory", category=f"c{number}", savePath=str(self._root / "c"))

    def _edit_category(self, number: int) -> None:
        path = str(self._root / f"edited {self._dice.randrange(3)}")
        self._raw.post("torrents/editCategory", category=self._dice.choice(CATEGORIES[1:]), savePath=path)

    def _drop_category(self, number: int) -> None:
        self._raw.post("torrents/removeCategories", categories=self._dice.choice(CATEGORIES[1:]))

    def _limit(self, number: int) -> None:
        which, limit = self._dice.choice(["Download", "Upload"]), self._dice.choice([0, 1000])
        self._raw.post(f"torrents/set{which}Limit", hashes=make_infohash(number), limit=limit)

    def _share(self, number: int) -> None:
        limits = {name: self._dice.choice([-2, -1, 5]) for name in ("seedingTimeLimit", "inactiveSeedingTimeLimit")}
        action, mode = self._dice.choice(["Default", "Remove"]), self._dice.choice(["Default", "MatchAll"])
        more = {"ratioLimit": 1.5, "shareLimitAction": action, "shareLimitsMode": mode}
        self._raw.post("torrents/setShareLimits", hashes=make_infohash(number), **limits, **more)

    def _toggle(self, number: int) -> None:
        call = self._dice.choice(["toggleSequentialDownload", "toggleFirstLastPiecePrio"])
        self._raw.post(f"torrents/{call}", hashes=make_infohash(number))
        self._raw.post(
            "torrents/setSuperSeeding", hashes=make_infohash(number), value=self._dice.choice(["true", "false"])
        )

    def _track(self, number: int) -> None:
        url = f"http://t{self._dice.randrange(9)}.example/a b"
        self._raw.post("torrents/addTrackers", hash=make_infohash(number), urls=url)
        self._raw.post(
            "torrents/addWebSeeds", hash=make_infohash(number), urls=f"http://w{self._dice.randrange(9)}.example/x"
        )

    def _comment(self, number: int) -> None:
        self._raw.post("torrents/setComment", hashes=make_infohash(number), comment=self._dice.choice(["", "ü"]))

    def _force(self, number: int) -> None:
        self._raw.post("torrents/setForceStart", hashes=make_infohash(number), value="true")

    def _incomplete(self, number: int) -> None:
        path = self._dice.choice(["", str(self._root / "incomplete")])
        self._raw.post("torrents/setDownloadPath", id=make_infohash(number), path=path)
