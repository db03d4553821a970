"""Decides whether credentials may be sent, and remembers logins that were not accepted.

See docs/decisions/0017-send-refused-credentials-once.md.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from reconciler.model.desired import Instance
from reconciler.model.errors import (
    AuthenticationError,
    InstanceError,
    LoginPostponedError,
    MissingCredentialsError,
    RejectedError,
    StopRequested,
    UnexpectedReplyError,
)
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.login import LoginRecord, LoginStore, join_credentials
from reconciler.model.secret import Secret
from reconciler.qbittorrent.errors import ASK_HINT

MAX_FAILURES: Final = 4  # logins in a row that may have been refused; a fifth could ban our address
RETRY_PAUSES: Final = (0.0, 60.0, 3600.0)  # seconds after the first, second and third unanswered login of this process
ANSWER_DUE: Final = 1.0  # seconds after which a login counts as unanswered, in case this process does not live longer
LOGINS_PER_HOST: Final = 4  # at a time: each takes a tenth of a second of a processor there
TURN_DUE: Final = 3.0  # seconds after which a login is sent whatever became of those before it

_Key = tuple[str, Secret]


@dataclass(frozen=True, slots=True)
class _Unanswered:
    """The unanswered logins of this process in a row, and the moment of the last."""

    count: int
    last_at: float


class LoginMemory:
    """The memory of logins that were not accepted, in this process and in `store`. Thread-safe.

    With `is_requested`, a person asks for a login: credentials that were refused before are sent once more.
    `now` is a monotonic clock in seconds, `utc` the wall clock.
    """

    def __init__(
        self,
        store: LoginStore | None = None,
        *,
        is_requested: bool = False,
        now: Callable[[], float] = time.monotonic,
        utc: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._is_requested = is_requested
        self._now = now
        self._utc = utc
        self._lock = threading.RLock()
        self._records: dict[_Key, LoginRecord] = {}  # of this process
        self._unsaved: set[_Key] = set()  # those of them that the store lacks
        self._unanswered: dict[_Key, _Unanswered] = {}
        self._sent: set[_Key] = set()  # by this process
        self._turns: defaultdict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(LOGINS_PER_HOST))

    def check_login(self, instance: Instance) -> bool:
        """Return True if the last login was not answered, so that first it must be clear that qBittorrent answers.

        Raises `AuthenticationError` for credentials that may not be sent any more, and `LoginPostponedError` if it is
        too early to send them.
        """
        key = _make_key(instance)
        with self._lock:
            record, unanswered = self._find_record(key), self._unanswered.get(key)
            is_requested = self._is_requested and key not in self._sent
        if record.failures == 0:
            return False
        if is_requested:
            return not record.is_refused
        if record.is_refused:
            raise AuthenticationError(_refused_text(instance, record))
        if record.failures >= MAX_FAILURES:
            raise AuthenticationError(_unanswered_text(instance, record))
        if unanswered:
            pause = RETRY_PAUSES[min(unanswered.count, len(RETRY_PAUSES)) - 1]
            if unanswered.last_at + pause > self._now():
                raise LoginPostponedError(_postponed_text(instance, record, pause))
        return True

    @contextmanager
    def track_login(self, instance: Instance) -> Iterator[None]:
        """Context in which a login is sent: record how it ends. An error that leaves this open is not transient.

        A login that is not answered soon is recorded before it ends, in case this process is killed meanwhile. So that
        many logins on one host do not make each other slow, only a few are sent to it at a time.
        """
        with self._take_turn(instance), self._record_end(instance):
            yield

    @contextmanager
    def _take_turn(self, instance: Instance) -> Iterator[None]:
        """Context of a login on a host. It begins in time even if the logins before it hang."""
        with self._lock:
            turns = self._turns[urlsplit(instance.url).hostname or ""]
        has_turn = turns.acquire(timeout=TURN_DUE)
        try:
            yield
        finally:
            if has_turn:
                turns.release()

    @contextmanager
    def _record_end(self, instance: Instance) -> Iterator[None]:
        key = _make_key(instance)
        with self._lock:
            before = self._find_record(key)
        failure = LoginRecord(before.failures + 1, before.is_refused, self._utc())
        timer = threading.Timer(ANSWER_DUE, self._save_record, [key, failure])
        timer.daemon = True
        timer.start()
        after: LoginRecord | None = failure
        try:
            yield
            after = None
        except StopRequested:
            after = before
            raise
        except InstanceError as error:
            if is_refusal(error):
                after = replace(failure, is_refused=True)
            elif _may_be_refusal(error):
                error.transient = False  # to send it again at once would be blind
            else:  # it did not reach the server, or was not judged
                after = before
            raise
        finally:
            timer.cancel()
            timer.join()
            if after is None:
                self.record_acceptance(instance)
            else:
                self._record_outcome(key, before, after)

    def record_acceptance(self, instance: Instance) -> None:
        """Record that credentials were accepted, which makes the server forget all that it has refused before.

        Nothing is written if none failed before.
        """
        with self._lock:
            self._sent.add(_make_key(instance))
            for key in [key for key in self._records if key[0] == instance.url]:
                self._records[key] = LoginRecord(0, False, self._utc())
                self._unanswered.pop(key, None)
            if self._store:
                self._store.accept_logins(instance.url, self._utc())

    def record_refusal(self, instance: Instance) -> None:
        """Record that these credentials were refused."""
        key = _make_key(instance)
        with self._lock:
            before = self._find_record(key)
            self._record_outcome(key, before, LoginRecord(before.failures + 1, True, self._utc()))

    def _record_outcome(self, key: _Key, before: LoginRecord, after: LoginRecord) -> None:
        with self._lock:
            if after is not before:
                self._sent.add(key)
                count = self._unanswered[key].count if key in self._unanswered else 0
                self._unanswered[key] = _Unanswered(count + 1, self._now())
            current = self._find_record(key)
            if (after.failures, after.is_refused) != (current.failures, current.is_refused):
                self._save_record(key, after)

    def _find_record(self, key: _Key) -> LoginRecord:
        stored = self._store.read_login(*key) if self._store and key not in self._unsaved else None
        return stored or self._records.get(key) or LoginRecord(0, False, self._utc())

    def _save_record(self, key: _Key, record: LoginRecord) -> None:
        with self._lock:
            self._records[key] = record
            if self._store and self._store.save_login(*key, record):
                self._unsaved.discard(key)
            else:
                self._unsaved.add(key)


def is_refusal(error: InstanceError) -> bool:
    """True if credentials were sent and refused."""
    return isinstance(error, AuthenticationError) and not isinstance(error, MissingCredentialsError)


def _may_be_refusal(error: InstanceError) -> bool:
    """True if the answer of qBittorrent is not known: it got lost, or a proxy replaced it."""
    return error.unknown_outcome or isinstance(error, (RejectedError, UnexpectedReplyError))


def _make_key(instance: Instance) -> _Key:
    return instance.url, join_credentials(instance)


def _refused_text(instance: Instance, record: LoginRecord) -> str:
    return (
        f"{instance.name}: these credentials were refused on {_format_time(record.at)}. They are not sent again, "
        f"because five failed logins ban this address for an hour. Correct them, or, if they are right now, {ASK_HINT}"
    )


def _unanswered_text(instance: Instance, record: LoginRecord) -> str:
    return (
        f"{instance.name}: {record.failures} logins in a row were not answered, the last on {_format_time(record.at)}. "
        "Each may have been refused unseen, and five failed logins ban this address for an hour. Look for a proxy that "
        f"loses or replaces the answers of qBittorrent, then {ASK_HINT}"
    )


def _postponed_text(instance: Instance, record: LoginRecord, pause: float) -> str:
    return (
        f"{instance.name}: the login was not answered, the last time on {_format_time(record.at)}. It may have been "
        f"refused unseen, so it is sent again only after {pause:.0f} s"
    )


def _format_time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
