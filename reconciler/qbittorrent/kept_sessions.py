"""Sessions that a run leaves open for the next one, which then needs no login.

See docs/decisions/0174-runs-in-quick-succession-share-a-session.md.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final, Self

from pydantic import StringConstraints, ValidationError, with_config
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from reconciler.atomic_file import PRIVATE_MODE, temporary_file
from reconciler.model.desired import Instance
from reconciler.model.login import SALT_SIZE, digest_credentials, join_credentials
from reconciler.model.secret import Secret
from reconciler.qbittorrent.schemas import STRICT_CONFIG, LazyAdapter
from reconciler.regular_file import MAX_SMALL_FILE_BYTES, UnsuitableFileError, read_regular_file

SESSIONS_FILE_NAME: Final = "sessions.json"
MAX_AGE: Final = 3600.0  # seconds; by default, qBittorrent drops a session that was idle for as long
FORGET_AGE: Final = 30 * 86400.0  # seconds; a server may be set to keep sessions longer, even for ever


_CookieText = Annotated[str, StringConstraints(pattern="^[ -~]*$", max_length=4096)]


@with_config(STRICT_CONFIG)
class _Cookie(TypedDict):
    """A cookie as the standard library keeps it. `expires`: seconds since 1970."""

    name: _CookieText
    value: _CookieText
    domain: _CookieText
    path: _CookieText
    secure: bool
    expires: int | None


@with_config(STRICT_CONFIG)
class _Row(TypedDict):
    """The end of the last run on an instance, and the cookies of its session, none if it was logged out.

    `ended`: seconds since 1970, UTC. `salt` and `digest`, in hex, show whether the credentials are still the same.
    """

    url: str
    salt: str
    digest: str
    ended: float
    cookies: list[_Cookie]


_ROWS_ADAPTER: LazyAdapter[list[_Row]] = LazyAdapter(list[_Row])
_COOKIES_ADAPTER: LazyAdapter[list[_Cookie]] = LazyAdapter(list[_Cookie])


class KeptSessions:
    """The sessions of earlier runs, in a file of a state folder that only we can read. Thread-safe, and never raises.

    A context manager for the sessions of one process: it takes the file away, so that no other process uses the same
    sessions, and writes it again at its end. Without a folder, no session is kept. `utc` is the wall clock.
    """

    def __init__(
        self,
        folder: Path | None,
        warn: Callable[[str], None],
        utc: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._path = folder and folder / SESSIONS_FILE_NAME
        self._warn = warn
        self._utc = utc
        self._lock = threading.Lock()
        self._rows: list[_Row] | None = None  # None: the file has not been taken
        self._repeated: set[tuple[str, Secret]] = set()  # what was run on less than an hour before

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the file."""
        if self._path and self._rows:
            try:
                self._save(self._path, self._rows)
            except OSError as failure:
                if any(row["cookies"] for row in self._rows):
                    self._warn(
                        f"{self._path} cannot be written: {failure.strerror or failure}. The next run logs in again, "
                        "and qBittorrent drops the sessions of this one after an hour"
                    )

    def take(self, instance: Instance) -> Secret | None:
        """Return the cookies of a session that was kept for these credentials at this URL, once.

        Also of one that is older than an hour: the run that gets it ends it, should the server still have it.
        """
        credentials, now = join_credentials(instance), self._utc().timestamp()
        with self._lock:
            if self._rows is None:
                self._rows = self._take_file()
            rows = [row for row in self._rows if _fits(row, instance.url, credentials)]
            if any(0 <= now - row["ended"] <= MAX_AGE for row in rows):
                self._repeated.add((instance.url, credentials))
            row = next((row for row in rows if row["cookies"]), None)
            if row is None:
                return None
            self._rows.remove(row)
        return Secret(json.dumps(row["cookies"]))

    def keep(self, instance: Instance, cookies: Secret | None) -> bool:
        """Record the end of a run. Return True if its session was kept, False if it must be logged out.

        `cookies` are those of its session; None: it cannot be kept. Nor is it if there is another one already: of the
        same instance under another name, or of a process that ran at the same time.
        """
        credentials = join_credentials(instance)
        with self._lock:
            if self._path is None or self._has_session(self._path, instance.url, credentials):
                return False
            is_repeated = (instance.url, credentials) in self._repeated
            kept = _parse_cookies(cookies) if cookies and is_repeated else []
            self._replace_row(instance.url, credentials, kept)
        return bool(kept)

    def put_back(self, instance: Instance, cookies: Secret) -> None:
        """Keep a session from `take` that no request has reached."""
        with self._lock:
            self._replace_row(instance.url, join_credentials(instance), _parse_cookies(cookies))

    def _replace_row(self, url: str, credentials: Secret, cookies: list[_Cookie]) -> None:
        """Add a row, in place of one that only says when the last run ended."""
        salt = secrets.token_bytes(SALT_SIZE)
        digest = digest_credentials(salt, credentials).hex()
        row = _Row(url=url, salt=salt.hex(), digest=digest, ended=self._utc().timestamp(), cookies=cookies)
        others = [row for row in self._rows or () if row["cookies"] or not _fits(row, url, credentials)]
        self._rows = [*others, row]

    def _has_session(self, path: Path, url: str, credentials: Secret) -> bool:
        rows = list(self._rows or ())
        with suppress(OSError):  # mostly there is no file: we have taken it
            rows += _read_rows(path)
        return any(row["cookies"] and _fits(row, url, credentials) for row in rows)

    def _take_file(self) -> list[_Row]:
        """Return the rows of the file, and delete it. Of several processes, the one that moves it away gets them."""
        if self._path is None or not self._path.is_file():
            return []
        now, taken = self._utc().timestamp(), self._path.with_name(f".{SESSIONS_FILE_NAME}.{secrets.token_hex(4)}.tmp")
        rows: list[_Row] = []
        with suppress(OSError):
            self._path.rename(taken)
            try:
                rows = _read_rows(taken)
            finally:
                taken.unlink()
        return [row for row in rows if abs(now - row["ended"]) <= (FORGET_AGE if row["cookies"] else MAX_AGE)]

    def _save(self, path: Path, rows: list[_Row]) -> None:
        """Write the rows, besides what another process has written meanwhile: all its sessions, and other instances."""
        urls = {row["url"] for row in rows}
        rows = [*(row for row in self._take_file() if row["cookies"] or row["url"] not in urls), *rows]
        content = json.dumps(rows, indent=1).encode()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with temporary_file(path, lambda file: file.write(content), mode=PRIVATE_MODE, sync=False) as new:
            new.replace(path)


def _read_rows(path: Path) -> list[_Row]:
    """Return the rows of the file; none of a damaged one, which is replaced. Raises `OSError`."""
    try:
        return _ROWS_ADAPTER.validate_json(read_regular_file(path, MAX_SMALL_FILE_BYTES))
    except (UnsuitableFileError, ValidationError):
        return []


def _parse_cookies(cookies: Secret) -> list[_Cookie]:
    """Return the cookies; none if one of them could not be read again, which would cost all sessions of the file."""
    try:
        return _COOKIES_ADAPTER.validate_json(cookies.reveal())
    except ValidationError:
        return []


def _fits(row: _Row, url: str, credentials: Secret) -> bool:
    if row["url"] != url:
        return False
    try:
        salt, digest = bytes.fromhex(row["salt"]), bytes.fromhex(row["digest"])
    except ValueError:
        return False
    return hmac.compare_digest(digest, digest_credentials(salt, credentials))
