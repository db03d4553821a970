"""The HTTP session of a client: requests to one server, prepared from what is the same for all of them.

See docs/decisions/0173-requests-are-prepared-from-one-template.md.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from qbittorrentapi.request import QbittorrentSession, QbittorrentURL
from requests import PreparedRequest, Response
from requests.cookies import create_cookie, extract_cookies_to_jar

from reconciler.model.secret import Secret
from reconciler.qbittorrent.forms import encode_form
from reconciler.qbittorrent.limited_adapter import LimitedAdapter

_ADDED_HEADERS: Final = frozenset({"content-type", "content-length", "cookie"})
_API_PATH: Final = "/api/v2/"
_COOKIE_FIELDS: Final = ("name", "value", "domain", "path", "secure", "expires")


class EndpointUrl(QbittorrentURL):
    """The addresses of endpoints. The library takes the base apart for each of them."""

    def build(self, api_namespace: str, api_method: str, *_args: Any, **_arguments: Any) -> str:
        """Return the address of an endpoint."""
        return self.build_base_url({}, {}) + "/".join((_API_PATH.strip("/"), api_namespace, api_method))


class _FormRequest(PreparedRequest):
    """A prepared request whose target is known, so that nobody has to take its address apart again."""

    path_url = ""


class DirectSession(QbittorrentSession):
    """Sends forms without what requests does for each of them: it merges settings, calls hooks, follows redirects.

    requests prepares one request, by all its rules for addresses, headers and credentials. The others are copies with
    their endpoint, form and cookies, and go to the adapter at once. What is no plain form (files, parameters in the
    URL, headers of its own) goes the whole way through requests.
    """

    def __init__(
        self, adapter: LimitedAdapter, headers: Mapping[str, str | bytes], cookies: Secret | None = None
    ) -> None:
        super().__init__()
        self.trust_env = False  # otherwise requests looks through the environment and ~/.netrc for each request
        self.headers.update(headers)
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)
        self._adapter = adapter
        self._base: str | None = None  # the address that the template is for
        self._template = PreparedRequest()
        self._template_path = ""
        self._headers = self._template.headers
        self._cookie_url: str | None = None  # that the cookie header is for; empty: all of the API; None: none
        self._cookie_header: str | None = None
        self._cookie_expiry = math.inf  # epoch seconds
        for fields in json.loads(cookies.reveal()) if cookies else ():
            self.cookies.set_cookie(create_cookie(**fields))  # type: ignore[no-untyped-call]

    def request(self, method: str, url: str, **arguments: Any) -> Response:  # type: ignore[override]
        """Send one request, and return the response with its whole body."""
        if arguments["files"] or arguments["params"] or arguments["headers"]:
            self._cookie_url = None  # the reply may bring cookies
            return super().request(method, url, **arguments)
        request = self._prepare(method.upper(), url, arguments["data"])
        response = self._adapter.send(
            request, timeout=arguments["timeout"], verify=arguments["verify"], proxies=arguments["proxies"]
        )
        if "Set-Cookie" in response.headers:
            extract_cookies_to_jar(self.cookies, request, response.raw)  # type: ignore[no-untyped-call]
            self._cookie_url = None
        return response

    def dump_cookies(self) -> Secret:
        """Return the cookies as JSON, for the `cookies` of another session."""
        return Secret(json.dumps([{name: getattr(cookie, name) for name in _COOKIE_FIELDS} for cookie in self.cookies]))

    def _prepare(self, method: str, url: str, form: Mapping[str, Any]) -> PreparedRequest:
        base, _, endpoint = url.rpartition(_API_PATH)
        if base != self._base:
            self._template.prepare(method="GET", url=base + _API_PATH, headers=self.headers)
            self._base, self._template_path, self._headers = base, self._template.path_url, self._template.headers
            if _ADDED_HEADERS.isdisjoint(name.lower() for name in self._headers):
                self._headers = dict(self._headers)  # type: ignore[assignment] # it is copied in half the time
        request = _FormRequest()
        request.method = method
        request.url, request.path_url = f"{self._template.url}{endpoint}", f"{self._template_path}{endpoint}"
        request.headers = self._headers.copy()
        if form:
            request.body = encode_form(_iter_fields(form))
            request.headers["Content-Type"] = "application/x-www-form-urlencoded"
        if method == "POST":
            request.headers["Content-Length"] = str(len(request.body or ""))
        self._add_cookies(request)
        return request

    def _add_cookies(self, request: PreparedRequest) -> None:
        """Add the cookies for an address, by the rules for their paths and their expiry.

        The rules take a tenth of the time of a request. So the header is kept until a reply brings a cookie or one
        expires: for all addresses of the API, or for this one if a cookie is for a part of the API.
        """
        if self._cookie_url not in ("", request.url) or time.time() >= self._cookie_expiry:
            request.prepare_cookies(self.cookies)
            self._cookie_header = request.headers.get("Cookie")
            self._cookie_expiry = min((cookie.expires for cookie in self.cookies if cookie.expires), default=math.inf)
            has_partial = any(_API_PATH.rstrip("/") in cookie.path for cookie in self.cookies)
            self._cookie_url = request.url if has_partial else ""
        elif self._cookie_header is not None:
            request.headers["Cookie"] = self._cookie_header


def _iter_fields(form: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a form, one for each value of a list. The library gives None for what is not to be sent."""
    for name, values in form.items():
        for value in values if isinstance(values, (list, tuple)) else (values,):
            if value is not None:
                yield name, value
