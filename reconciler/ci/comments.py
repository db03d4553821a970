"""The comments of a pull request, through the API of GitHub. Forgejo and Gitea answer the same requests.

Only a comment that the job has written itself is changed: whoever can comment can also write our marker, and would
keep the right to edit what we put there.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler import __version__
from reconciler.reply_limits import LimitedHttpHandler, LimitedHttpsHandler, ReplyLimits, limit_replies

_TIMEOUT: Final = 30.0  # seconds
_PAGE_SIZE: Final = 100  # comments; the API gives no more at once
_MAX_PAGES: Final = 50
_MAX_REPLY_BYTES: Final = 32 << 20
_JOB_USERS: Final = frozenset({"github-actions[bot]", "gitea-actions", "forgejo-actions"})
_GONE: Final = 404

Comment = Mapping[str, Any]


class CommentError(Exception):
    """A comment could not be read or written; the message says why, as a clause."""


class _ApiError(CommentError):
    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class CommentApi:
    """The comments of one repository. Raises `CommentError` if there is no token to write with."""

    def __init__(self, environ: Mapping[str, str], repository: str) -> None:
        self._base, self._repository = environ.get("GITHUB_API_URL", "").rstrip("/"), repository
        self._token = environ.get("INPUT_TOKEN", "")
        if not self._base.startswith(("https://", "http://")):
            raise CommentError("GITHUB_API_URL is not the address of an API")
        if not self._token:
            raise CommentError("there is no token. Give the job permissions: {pull-requests: write}")
        self._opener = urllib.request.build_opener(_NoRedirectHandler, LimitedHttpHandler, LimitedHttpsHandler)

    def write_comment(self, number: int, marker: str, body: str) -> None:
        """Replace our comment with this marker on a pull request, or write a new one. Raises `CommentError`."""
        comment = self._find_comment(number, marker)
        if comment is None:
            self._create(number, body)
        elif comment.get("body") != body:
            try:
                self._call("PATCH", f"issues/comments/{int(comment['id'])}", {"body": body})
            except _ApiError as error:
                if error.status != _GONE:
                    raise
                self._create(number, body)  # somebody has deleted it meanwhile

    def _create(self, number: int, body: str) -> None:
        self._call("POST", f"issues/{number}/comments", {"body": body})

    def _find_comment(self, number: int, marker: str) -> Comment | None:
        marked = [
            comment for comment in self._list_comments(number) if str(comment.get("body") or "").startswith(marker)
        ]
        if not marked:
            return None
        for comment in marked:
            if _get_login(comment) in _JOB_USERS:
                return comment
        login = self._read_own_login()  # another token than that of the job
        return next((comment for comment in marked if _is_written_by(comment, login)), None)

    def _list_comments(self, number: int) -> Iterator[Comment]:
        seen: set[object] = set()
        for page in range(1, _MAX_PAGES + 1):
            query = f"per_page={_PAGE_SIZE}&limit={_PAGE_SIZE}&page={page}"
            answer = self._call("GET", f"issues/{number}/comments?{query}")
            comments = [comment for comment in answer if isinstance(comment, dict)] if isinstance(answer, list) else []
            new = [comment for comment in comments if comment.get("id") not in seen]
            yield from new
            seen.update(comment.get("id") for comment in new)
            if len(comments) < _PAGE_SIZE or not new:  # Gitea gives all of them on each page
                return

    def _read_own_login(self) -> str:
        """Return the user of the token, or "" for that of an app, which is not told its own name."""
        try:
            answer = self._request("GET", f"{self._base}/user")
        except _ApiError:
            return ""
        return str(answer.get("login") or "") if isinstance(answer, dict) else ""

    def _call(self, method: str, path: str, document: Mapping[str, str] | None = None) -> Any:
        return self._request(method, f"{self._base}/repos/{self._repository}/{path}", document)

    def _request(self, method: str, url: str, document: Mapping[str, str] | None = None) -> Any:
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "User-Agent": f"reconcile/{__version__}",
        }
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with (
                limit_replies(ReplyLimits.within(_TIMEOUT)),
                self._opener.open(request, timeout=_TIMEOUT) as response,
            ):
                return json.loads(response.read(_MAX_REPLY_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                raise _ApiError(_describe_status(error.code), error.code) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            cause = getattr(error, "reason", error)
            raise _ApiError(f"the API gave no answer that can be used: {cause}") from None


class _NoRedirectHandler(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow no redirect: the token is for this host only."""


def _get_login(comment: Comment) -> str:
    user = comment.get("user")
    return str(user.get("login") or "") if isinstance(user, dict) else ""


def _is_written_by(comment: Comment, login: str) -> bool:
    """Return True if it is from this user or, where the token has no user, from an app."""
    if login:
        return _get_login(comment) == login
    user = comment.get("user")
    return isinstance(user, dict) and user.get("type") == "Bot"


def _describe_status(status: int) -> str:
    hints = {
        401: "the token is not valid",
        403: "the token may not write comments. Give the job permissions: {pull-requests: write}",
        404: "the token may not see this pull request, or there is none",
    }
    return f"the API answered {status}" + (f": {hints[status]}" if status in hints else "")
