"""Pages of the HTTP side, read strictly and without a browser."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from reconciler.web import StatusBoard, WebContext
from reconciler.web.app import make_app
from tests.support.asgi_calls import call_app

_VOID: Final = frozenset(("meta", "link", "br", "hr", "img", "input", "wbr"))
_FORBIDDEN: Final = frozenset(("style", "base", "iframe", "frame", "object", "embed", "template", "marquee"))
_ADDRESSES: Final = {"href", "src", "action", "formaction"}


class HtmlPage(HTMLParser):
    """A page in which every element is closed, nothing is inline that the CSP forbids, and ids are unique.

    `links` are the addresses of our own, as written: they are relative. `foreign_links` lead to another host.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.foreign_links: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self._texts: list[str] = []
        self.html = html
        self.feed(html)
        self.close()
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check the attributes of an element that begins."""
        given = {name: value or "" for name, value in attrs}
        assert tag not in _FORBIDDEN
        assert "style" not in given
        assert not any(name.startswith("on") for name in given)
        assert tag != "script" or "src" in given
        for name in _ADDRESSES & given.keys():
            self._add_link(given[name], given)
        self.ids += [given["id"]] if "id" in given else []
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check an element of SVG without content."""
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Check that the innermost element ends."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        assert not self.open or self.open[-1] not in ("script", "style")
        self._texts.append(data)

    def _add_link(self, address: str, attributes: dict[str, str]) -> None:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            assert parts.scheme in ("http", "https"), address
            assert "noreferrer" in attributes.get("rel", "")
            self.foreign_links.append(address)
            return
        assert not address.startswith("/"), address
        self.links.append(address)

    @property
    def text(self) -> str:
        """The visible text of the page, with single spaces."""
        return " ".join(" ".join(self._texts).split())

    def resolve_paths(self, path: str) -> set[str]:
        """Return the absolute paths that its links lead to, if it is shown at `path`."""
        return {urlsplit(urljoin(f"http://host{path}", link)).path for link in self.links}


def get_page(board: StatusBoard, path: str = "/", status: int = 200, **context: Any) -> HtmlPage:
    """Return a page of a board. `context`: more of the `WebContext`."""
    return get_context_page(WebContext(board, **context), path, status)


def get_context_page(context: WebContext, path: str, status: int = 200) -> HtmlPage:
    """Return a page of a context, as loopback shows it."""
    answer = call_app(make_app(context, local_only=True), "GET", path)
    assert answer.status == status, answer.text
    return HtmlPage(answer.text)
