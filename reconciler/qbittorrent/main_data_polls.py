"""The requests to sync/maindata: when a delta may be asked for, and when a new session must begin.

See docs/decisions/0010-follow-deltas-and-verify-with-full-reads.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, Generic, TypeVar

from reconciler.model.desired import Instance
from reconciler.model.errors import (
    AuthenticationError,
    BannedError,
    InstanceError,
    LoginPostponedError,
    SessionLostError,
    UnreachableError,
)
from reconciler.model.versions import INCREMENTAL_SYNC
from reconciler.qbittorrent.client import Client
from reconciler.qbittorrent.connection import Connection
from reconciler.qbittorrent.delta_risks import DeltaRisks
from reconciler.qbittorrent.deltas import MAX_RID, NotADelta, SyncReply
from reconciler.qbittorrent.row_schemas import MainValues

FULL_READ_INTERVAL: Final = 15 * 60.0  # seconds between full reads, also while deltas continue
_ERRORS_OF_SESSIONS: Final = (  # they say nothing about sync/maindata
    UnreachableError,
    AuthenticationError,
    BannedError,
    LoginPostponedError,
    SessionLostError,
)

Reply = TypeVar("Reply", SyncReply, MainValues)


class MainDataPolls(Generic[Reply]):
    """The polls of one connection. `read` sends one request, and `now` is a monotonic clock in seconds.

    `risks` is shared with the other sessions of this process. `warn` receives messages for the log.

    The server (at least 5.1 and 5.3) breaks down when a session polls after the metadata gave a torrent another id (a
    hybrid torrent that was added by its v1 hash alone). So every full reply begins a new session, and `are_ids_kept`
    must be true before each delta.
    """

    def __init__(
        self,
        instance: Instance,
        connection: Connection,
        read: Callable[[Client, int], Reply],
        risks: DeltaRisks,
        now: Callable[[], float],
        warn: Callable[[str], None],
    ) -> None:
        self._instance, self._connection, self._now = instance, connection, now
        self._risks, self._warn = risks, warn
        self._read: Callable[[Client, int], Reply] = read
        self._rid = 0  # of the last reply; 0: no delta can follow
        self._session = 0  # the session of the last reply
        self._polled_session = 0  # the last session that sent a poll, answered or not
        self._full_reply_at = 0.0

    @property
    def is_possible(self) -> bool:
        """True if the version has deltas (4.6 and later), and its sessions can be ended: not with an API key."""
        return INCREMENTAL_SYNC.is_available(self._connection.api_version) and self._instance.api_key is None

    @property
    def can_continue(self) -> bool:
        """True if a delta can follow the last reply."""
        is_fresh = self._now() - self._full_reply_at < FULL_READ_INTERVAL
        return self._rid > 0 and is_fresh and self._session == self._connection.open_count

    @property
    def may_begin(self) -> bool:
        """True unless the last full reply did not come, for a while."""
        return self._risks.may_ask_for_full_reply(self._instance.url, self._now())

    def begin(self) -> Reply | None:
        """Return a full reply, in a session whose view of the instance has no gaps; None if it does not come.

        Then `may_begin` is False for a while: for longer with each time that it does not come. Raises the error if
        nothing else can be requested either.
        """
        self.renew_session()
        self._full_reply_at = self._now()
        try:
            return self._poll(0)
        except _ERRORS_OF_SESSIONS:
            raise
        except InstanceError as error:
            self.postpone(str(error))
            if self._connection.is_cancelled:
                raise
            return None

    def postpone(self, reason: str) -> None:
        """Let no delta follow the last reply, and do not begin again for a while."""
        self._rid = 0
        pause = self._risks.postpone_full_reply(self._instance.url, self._now())
        self._warn(f"{reason}. Until it is asked again in {pause:.0f} s, every read is a full one")

    def renew_session(self) -> None:
        """Let no delta follow the last reply, and log in again if the session has polled."""
        self._rid = 0
        if self._polled_session == self._connection.open_count:
            self._connection.close()
            self._connection.open()

    def follow(self) -> tuple[Reply, bool]:
        """Return the next reply, and True if it is a full one, because the session had to begin again.

        Raises `NotADelta` for any other that does not continue the last one: a number other than the next means that a
        reply in between was missed, and its changes may be lost (>= 5.1).
        """
        rid, session = self._rid, self._session
        reply = self._poll(rid)
        is_full = bool(reply.get("full_update"))
        if is_full and session != self._connection.open_count:
            self._full_reply_at = self._now()
            return reply, True
        if is_full or reply["rid"] != rid % MAX_RID + 1:
            self.end()
            raise NotADelta
        self._risks.record_delta(self._instance.url)
        return reply, False

    def end(self) -> None:
        """Let no delta follow the last reply."""
        self._rid = 0

    def are_ids_kept(self, waiting: Collection[str]) -> bool:
        """True if all these torrents, which wait for metadata, still have their ids."""
        if not waiting:
            return True
        ids = list(waiting)
        rows = self._connection.call("torrents/info", lambda client: client.read_torrent_rows(ids))
        return {row["hash"] for row in rows} == set(ids)

    def _poll(self, rid: int) -> Reply:
        self._rid = 0  # a reply that gets lost ends the deltas
        try:
            reply = self._connection.call("sync/maindata", lambda client: self._read(client, rid))
        finally:
            self._polled_session = self._connection.open_count
        self._session, self._rid = self._connection.open_count, reply["rid"]
        return reply
