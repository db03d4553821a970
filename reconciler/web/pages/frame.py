"""The frame of every page: the state of the loop at the top, the navigation, relative links, and the templates.

See docs/decisions/0164-pages-are-made-on-the-server-and-the-overview-asks-nothing.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Final
from urllib.parse import quote, urlencode

import jinja2
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from reconciler import __version__
from reconciler.model.lazy_dataclass import dataclass
from reconciler.report.sanitize import sanitize_text
from reconciler.report.text.problems import format_count
from reconciler.web.client_text import elapsed_text, lasting_text, remaining_text
from reconciler.web.loop_view import LoopView
from reconciler.web.pages.assets import Assets
from reconciler.web.pages.fleet import judge_shards, list_shards
from reconciler.web.pages.torrent_text import count_bytes
from reconciler.web.pages.verdict import Verdict
from reconciler.web.peers import Peers

PAGE_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A browser then names the origin of a form, for the check that a page of ours has sent it.
PAGE_HEADERS: Final = {"Content-Security-Policy": PAGE_CSP, "Referrer-Policy": "same-origin"}
MIN_REFRESH, MAX_REFRESH = 5, 3600  # seconds between refreshes
TONE_SYMBOLS: Final = {"good": "✓", "wait": "◷", "bad": "✗"}
_DESTINATIONS: Final = (("", "Overview"), ("torrents", "Torrents"), ("plan", "Plan"), ("history", "History"))
_ACTIONS: Final = (("actions", "Actions"),)
_CODE: Final = re.compile(r"`([^`\s](?:[^`]*[^`\s])?)`")
MAX_UNBROKEN: Final = 24  # characters of code


@dataclass(frozen=True, slots=True)
class ReaderRights:
    """The rights of whoever asks for a page.

    `csrf`: the value that each form of a session carries. `note`: why nothing can be changed, and how to get more.
    Whoever may not read gets only the sign-in, and learns nothing from its frame.
    """

    may_read: bool = True
    may_change: bool = False
    can_sign_in: bool = False
    csrf: str = ""
    note: str = ""


GetRights = Callable[[Request], ReaderRights]
READ_ONLY: Final = ReaderRights()


@dataclass(frozen=True, slots=True)
class PageContext:
    """The part of a template's values that every page has, as `page`.

    `tone`: `good`, `wait` or `bad`. `section`: the first part of the path, empty for the overview. `refresh`: seconds
    between refreshes of a browser without scripts; 0: none.
    """

    title: str
    headline: str
    tone: str
    symbol: str
    section: str
    destinations: tuple[tuple[str, str], ...]
    rights: ReaderRights
    refresh: int
    refresh_link: str
    now: datetime
    version: str
    scripts: tuple[str, ...]


class PageFrame:
    """The compiled templates, and the files that pages load."""

    def __init__(self, get_rights: GetRights = lambda _request: READ_ONLY, peers: Peers | None = None) -> None:
        self.assets = Assets()
        self._get_rights, self._peers = get_rights, peers
        self._environment = _make_environment()

    def respond(
        self,
        request: Request,
        view: LoopView,
        template: str,
        title: str,
        *,
        status: int = 200,
        verdict: Verdict | None = None,
        **values: object,
    ) -> Response:
        """Return a page. The template gets `values`, `page`, `view`, and the functions `link` and `asset`.

        `verdict`: the one that the page explains, so that its head says the same; None: that of now.
        """
        verdict = verdict or judge_shards(view, list_shards(view, self._peers.read() if self._peers else ()))
        path = str(request.scope["path"])
        root = make_root(path)
        page = self._make_context(request, view, title, verdict, section=path.strip("/").partition("/")[0])
        text = self._environment.get_template(template).render(
            values,
            page=page,
            view=view,
            link=lambda target, **query: make_link(root, target, query),
            asset=lambda name: root + self.assets.make_path(name),
        )
        return Response(text, status, PAGE_HEADERS, "text/html")

    def _make_context(
        self, request: Request, view: LoopView, title: str, verdict: Verdict, section: str
    ) -> PageContext:
        rights = self._get_rights(request)
        refresh = parse_refresh(request.query_params.get("refresh", ""))
        others = [(name, value) for name, value in request.query_params.multi_items() if name != "refresh"]
        return PageContext(
            title,
            verdict.headline,
            verdict.tone,
            TONE_SYMBOLS[verdict.tone],
            section,
            _DESTINATIONS + (_ACTIONS if rights.may_change else ()),
            rights,
            refresh,
            "?" + urlencode(others if refresh else [*others, ("refresh", "10")]),
            view.now,
            __version__,
            self.assets.scripts,
        )


def parse_refresh(text: str) -> int:
    """Return the seconds of a `refresh` parameter, within limits; 0 if it is missing or invalid."""
    return min(MAX_REFRESH, max(MIN_REFRESH, int(text))) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def make_root(path: str) -> str:
    """Return the way from the path of a request to the root: `./` for `/plan`, `../` for `/torrents/0123`."""
    return "../" * (path.count("/") - 1) or "./"


def make_link(root: str, target: str, query: Mapping[str, object]) -> str:
    """Return a relative link to a path of ours. Values of the query that are None or empty are left out."""
    given = {name: value for name, value in query.items() if value not in (None, "", ())}
    query_text = urlencode(given, doseq=True, errors="replace")  # half a surrogate pair has no UTF-8
    return root + quote(target, errors="replace") + (f"?{query_text}" if given else "")


def redirect(request: Request, target: str, **query: object) -> Response:
    """Return the response that leads a browser on to a path of ours, which may have a query of its own."""
    path, mark, rest = target.partition("?")
    location = make_link(make_root(str(request.scope["path"])), path, query) + mark + rest
    return Response(status_code=303, headers={"Location": location})


@cache
def _make_environment() -> jinja2.Environment:
    """Return the environment of all templates. They sanitize and escape whatever they show."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reconciler.web.pages"),
        autoescape=True,
        finalize=_sanitize_value,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,  # templates of another version on disk, after an upgrade, would not fit this code
    )
    environment.filters |= {
        "anchor": lambda text: quote(text, errors="replace"),
        "iso": lambda time: f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "utc": lambda time: f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "elapsed": elapsed_text,
        "lasting": lasting_text,
        "remaining": remaining_text,
        "counted": format_count,
        "number": lambda number: f"{number:,}",
        "prose": mark_code,
        "took": took_text,
        "size": count_bytes,
    }
    return environment


def mark_code(text: str) -> Markup:
    """Return a sentence as HTML in which what stands in backticks is code. It is sanitized and escaped."""
    return Markup(_CODE.sub(_write_code, str(escape(sanitize_text(text)))))


def _write_code(match: re.Match[str]) -> str:
    """Return code that does not break in two if it is short, such as an option."""
    return f'<code class="nowrap">{match[1]}</code>' if len(match[1]) <= MAX_UNBROKEN else f"<code>{match[1]}</code>"


def took_text(seconds: float) -> str:
    """Return the duration of a run: `2.5 s`, or `40 ms`. It does not break in two."""
    return f"{seconds * 1000:.0f}\u00a0ms" if seconds < 0.1 else f"{seconds:.1f}\u00a0s"


def _sanitize_value(value: object) -> object:
    """Sanitize a value for the page, so that no character in it hides, moves or reverses the text around it."""
    return value if isinstance(value, Markup) else sanitize_text(str(value))
