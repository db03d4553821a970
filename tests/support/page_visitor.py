"""A person at the pages of a running watch, as a browser without scripts acts for them."""

from __future__ import annotations

import re
from typing import Any

import requests

from tests.support.html_pages import HtmlPage
from tests.support.raw import RawClient
from tests.support.watch_process import WatchProcess

FOLLOWING = "This page shows what the next run makes of it."


class PageVisitor:
    """A browser with the cookies of one person."""

    def __init__(self, watch: WatchProcess) -> None:
        watch.wait_until(lambda: watch.has_logged("http listening"))
        self.url = next(line["url"] for line in watch.log if line["event"] == "http listening")
        self._session = requests.Session()

    def sign_in(self, token: str) -> None:
        """Sign in."""
        answer = self._session.post(f"{self.url}/sign-in", {"token": token}, timeout=30)
        assert "Sign out" in answer.text, answer.text

    def get(self, path: str, status: int = 200) -> HtmlPage:
        """Return a page."""
        answer = self._session.get(f"{self.url}{path}", timeout=30)
        assert answer.status_code == status, answer.text
        return HtmlPage(answer.text)

    def read_json(self, path: str) -> Any:
        """Return a document of REST."""
        return self._session.get(f"{self.url}/api/v1/{path}", timeout=30).json()

    def send(self, path: str, fields: dict[str, str], files: dict[str, bytes] | None = None) -> requests.Response:
        """Open the page of an action, and send its form. The answer is the page that it led on to."""
        page = self.get(f"/actions/{path}?" + "&".join(f"{name}={value}" for name, value in fields.items()))
        (csrf,) = set(re.findall('name="csrf" value="([^"]+)"', page.html))
        parts = [("files", (name, content)) for name, content in (files or {}).items()]
        return self._session.post(f"{self.url}/actions/{path}", {"csrf": csrf, **fields}, files=parts, timeout=60)

    def act(self, path: str, fields: dict[str, str] | None = None, files: dict[str, bytes] | None = None) -> str:
        """Carry an action out, and return the text of its outcome once it is final."""
        answer = self.send(path, fields or {}, files)
        assert answer.status_code == 200, answer.text
        outcome = answer.url.removeprefix(self.url)
        RawClient.wait_until(lambda: FOLLOWING not in self.get(outcome).text)
        return self.get(outcome).text
