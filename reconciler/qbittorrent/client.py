"""qbittorrent-api with one request for each call, and no others.

By default the library sends a failed request again (mutations too), logs in again on any 403, reads the version before
many calls, reads credentials from the environment, and may fall back from https to http. All of this is switched off.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit
from urllib.request import getproxies

import qbittorrentapi
from qbittorrentapi.app import ApplicationPreferencesDictionary
from qbittorrentapi.definitions import APINames
from qbittorrentapi.exceptions import HTTPError, LoginFailed
from qbittorrentapi.torrents import TorrentCategoriesDictionary, TorrentInfoList
from requests import Response
from requests.utils import get_environ_proxies

from reconciler.model.desired import Instance
from reconciler.model.links import redact_path
from reconciler.model.rows import Row
from reconciler.model.secret import Secret
from reconciler.model.versions import TORRENT_CREATOR
from reconciler.qbittorrent.direct_session import DirectSession, EndpointUrl
from reconciler.qbittorrent.errors import UnexpectedReply
from reconciler.qbittorrent.limited_adapter import LimitedAdapter
from reconciler.qbittorrent.pieces import parse_list, parse_main_data
from reconciler.qbittorrent.row_schemas import (
    CATEGORY_VALUES_ADAPTER,
    MAIN_VALUES_ADAPTER,
    ROW_VALUES_ADAPTER,
    VALUES_ADAPTER,
    MainValues,
    Scalar,
)
from reconciler.qbittorrent.schemas import (
    ADD_TASK_ADAPTER,
    CATEGORY_ROWS_ADAPTER,
    FILE_ROWS_ADAPTER,
    LOG_ROWS_ADAPTER,
    MAIN_DATA_ADAPTER,
    PREFERENCES_ADAPTER,
    SERVER_STATE_ADAPTER,
    TAG_NAMES_ADAPTER,
    TASK_ROWS_ADAPTER,
    TORRENT_CHANGES_ADAPTER,
    TORRENT_FILES_ROWS_ADAPTER,
    TORRENT_ROWS_ADAPTER,
    CategoryRow,
    FileRow,
    LogRow,
    MainData,
    TaskRow,
    TorrentChange,
    TorrentFilesRow,
    TorrentRow,
)

if TYPE_CHECKING:
    from reconciler.qbittorrent.transfers import TransferStats

StatusFilter = Literal["stopped", "running"]

LOGOUT_TIMEOUT = 5.0  # seconds
# requests that the server remembers nothing of. After sync/maindata, for one, it keeps a copy of all torrents
_TRACELESS_ENDPOINTS = {
    *("auth/login", "app/version", "app/webapiVersion", "app/buildInfo", "app/defaultSavePath", "app/preferences"),
    *("torrents/info", "torrents/files", "torrents/categories", "torrents/tags"),
}
_ANSWERED_REFUSALS = (400, 404, 405, 409, 415)
_LOGIN_PAGE_HINT = "Let requests below /api/v2/ pass it, or give `url` as an address that does not lead through it"


class Client(qbittorrentapi.Client):
    """The Web API of one instance. Raises what qbittorrent-api, requests and pydantic raise, or `UnexpectedReply`.

    `request_count` is the number of requests sent. `web_api` is the Web API version, to be set before calls that depend
    on it. `transfer_stats` reads the state of the transfers from replies. Redirects are not followed: they turn a POST
    into a GET, which would read where it should write. Every reply is limited in time and size (`LimitedAdapter`).
    After `stop` is set, the one in flight must end soon; after `cancelled` is set, it and every later one fails.

    The standard variables HTTP_PROXY, HTTPS_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE are honoured, the last unless the
    instance has its own `tls` settings. ~/.netrc is not: its credentials would replace ours and could get us banned.
    """

    def __init__(
        self,
        instance: Instance,
        stop: threading.Event | None = None,
        cancelled: threading.Event | None = None,
        transfer_stats: TransferStats | None = None,
    ) -> None:
        self._transfer_stats = transfer_stats
        self._adapter = LimitedAdapter(
            stop, cancelled, max_retries=0, pool_connections=1, pool_maxsize=instance.pool_size
        )
        api_key = instance.api_key.reveal() if instance.api_key else ""
        self.request_count = 0
        self.web_api = ""
        self.server_date = ""  # the `Date` header of the last reply
        self._has_left_traces = False
        super().__init__(
            host=instance.url,
            api_key=api_key,
            EXTRA_HEADERS={
                "Accept-Encoding": "identity" if is_loopback(instance.url) else "gzip",
                **_build_proxy_headers(instance),
            },
            REQUESTS_ARGS={
                "timeout": (instance.connect_timeout, instance.read_timeout),
                **_read_environment(instance),
                "allow_redirects": False,
                "stream": True,  # `LimitedAdapter` has received the body, and keeps its pieces until they are read
            },
            VERIFY_WEBUI_CERTIFICATE=instance.tls_verify,
            FORCE_SCHEME_FROM_HOST=True,
            RAISE_NOTIMPLEMENTEDERROR_FOR_UNIMPLEMENTED_API_ENDPOINTS=True,
            SIMPLE_RESPONSES=True,
        )
        self.drop_session()
        # The library fills empty settings from QBITTORRENTAPI_* variables, which are not for this program.
        self.username = self._password = ""
        self._api_key = api_key
        self._VERIFY_WEBUI_CERTIFICATE = instance.tls_verify

    def log_in(self, username: str, password: Secret) -> None:
        """Log in, in one attempt, with a new cookie jar. Raises `LoginFailed`; a ban is a 403."""
        self.drop_session()
        data = {"username": username, "password": password.reveal()}
        reply: Response = self._post(_name=APINames.Authorization, _method="login", data=data)
        if reply.status_code == 200 and reply.text == "Fails.":  # until 5.1; 401 since
            raise LoginFailed
        if not (reply.status_code == 204 or reply.text == "Ok."):
            raise UnexpectedReply("did not answer as qBittorrent does. Does `url` lead to qBittorrent's Web UI?")

    def resume_session(self, cookies: Secret) -> None:
        """Use the session with the cookies that `read_cookies` returned, maybe in another process."""
        self.drop_session()
        self._resumed_cookies: Secret | None = cookies  # for `_session`, made again before the first request

    def read_cookies(self) -> Secret | None:
        """Return the cookies of the session; None without any, or if the server remembers more of it than its login."""
        return self._session.dump_cookies() if self._session.cookies and not self._has_left_traces else None

    def drop_session(self) -> None:
        """Forget all cookies, and close the connections."""
        self._resumed_cookies = None
        self._initialize_context()
        self._url = EndpointUrl(self)

    def log_out(self) -> None:
        """End the session on the server, if there is one, and close all connections."""
        try:
            if self._http_session and self._http_session.cookies:
                self._post(_name=APINames.Authorization, _method="logout", requests_args={"timeout": LOGOUT_TIMEOUT})
        finally:
            self._trigger_session_initialization()

    def add_torrents(self, **form: Any) -> None:
        """Send torrents/add. The library parses the reply, on which nobody relies: a senseless one is no error."""
        sent = self.request_count
        try:
            self.torrents_add(**form)
        except (TypeError, ValueError, RecursionError):
            if self.request_count == sent:  # not about the reply
                raise

    def read_torrent_rows(
        self, hashes: list[str] | None = None, status: StatusFilter | None = None
    ) -> list[TorrentRow]:
        """Return the rows of torrents/info: all, or only `hashes`. The library translates `status` to the version."""
        if hashes is not None and not hashes:
            raise ValueError("an empty list of hashes would mean all torrents")
        return cast("list[TorrentRow]", self.torrents_info(status_filter=status, torrent_hashes=hashes))

    def iter_torrent_rows(self, hashes: Sequence[str] = ()) -> Iterator[TorrentRow]:
        """Request torrents/info of all torrents, or only of `hashes`. The rows are parsed when they are iterated over.

        Only all rows count: a later one may be malformed.
        """
        form = {"hashes": "|".join(hashes)} if hashes else {}
        reply: Response = self._post(_name=APINames.Torrents, _method="info", data=form, response_class=Response)
        return self._iter_rows(reply)

    def read_torrent_rows_with_files(self, hashes: list[str]) -> list[TorrentFilesRow]:
        """Return the rows of torrents/info of these torrents, with their files (>= 5.2)."""
        reply: Response = self._post(
            _name=APINames.Torrents,
            _method="info",
            data={"hashes": "|".join(hashes), "includeFiles": "true"},
            response_class=Response,
        )
        return TORRENT_FILES_ROWS_ADAPTER.validate_json(reply.content)

    def read_file_rows(self, torrent_id: str) -> list[FileRow]:
        """Return the rows of torrents/files of one torrent; none without metadata."""
        reply: Response = self._post(
            _name=APINames.Torrents, _method="files", data={"hash": torrent_id}, response_class=Response
        )
        return FILE_ROWS_ADAPTER.validate_json(reply.content)

    def read_category_rows(self) -> Mapping[str, CategoryRow]:
        """Return the rows of torrents/categories."""
        return cast("Mapping[str, CategoryRow]", self.torrents_categories())

    def read_log_rows(self, after_id: int) -> list[LogRow]:
        """Return the entries of log/main after the one with that id."""
        reply: Response = self._post(
            _name=APINames.Log, _method="main", data={"last_known_id": after_id}, response_class=Response
        )
        return LOG_ROWS_ADAPTER.validate_json(reply.content)

    def read_tag_names(self) -> list[str]:
        """Return the reply of torrents/tags."""
        reply: Response = self._post(_name=APINames.Torrents, _method="tags", response_class=Response)
        return TAG_NAMES_ADAPTER.validate_json(reply.content)

    def read_creator_rows(self) -> list[TaskRow]:
        """Return the rows of torrentcreator/status."""
        reply: Response = self._post(
            _name=APINames.TorrentCreator,
            _method="status",
            response_class=Response,
            version_introduced=TORRENT_CREATOR.since_text,
        )
        return TASK_ROWS_ADAPTER.validate_json(reply.content)

    def add_creator_task(self, form: Mapping[str, Any]) -> str:
        """Send torrentcreator/addTask and return the id of the task. The library's own call leaves out `source`."""
        reply: Response = self._post(
            _name=APINames.TorrentCreator,
            _method="addTask",
            data=dict(form),
            response_class=Response,
            version_introduced=TORRENT_CREATOR.since_text,
        )
        return ADD_TASK_ADAPTER.validate_json(reply.content)["taskID"]

    def read_row_values(self, hashes: Sequence[str] = ()) -> list[Row]:
        """Return the rows of torrents/info with all their fields: all, or only `hashes`."""
        form = {"hashes": "|".join(hashes)} if hashes else {}
        reply: Response = self._post(_name=APINames.Torrents, _method="info", data=form, response_class=Response)
        return [row for rows in parse_list(reply.iter_content(None), ROW_VALUES_ADAPTER.validate_json) for row in rows]

    def read_main_values(self, rid: int) -> MainValues:
        """Return the reply of sync/maindata with all its fields."""
        reply: Response = self._post(
            _name=APINames.Sync, _method="maindata", data={"rid": rid}, response_class=Response
        )
        return MAIN_VALUES_ADAPTER.validate_json(reply.content)

    def read_category_values(self) -> dict[str, dict[str, Scalar]]:
        """Return torrents/categories with all its fields."""
        reply: Response = self._post(_name=APINames.Torrents, _method="categories", response_class=Response)
        return CATEGORY_VALUES_ADAPTER.validate_json(reply.content)

    def read_transfer_values(self) -> dict[str, Scalar]:
        """Return transfer/info with all its fields."""
        reply: Response = self._post(_name=APINames.Transfer, _method="info", response_class=Response)
        return VALUES_ADAPTER.validate_json(reply.content)

    def send_request(self, endpoint: str, form: Mapping[str, str]) -> Response:
        """Send any request, and return the response, also a refusal with its reason (not 401, 403, 5xx)."""
        scope, _, action = endpoint.partition("/")
        try:
            reply: Response = self._post(_name=scope, _method=action, data=dict(form), response_class=Response)
        except HTTPError as error:
            if error.response is None or error.response.status_code not in _ANSWERED_REFUSALS:
                raise
            return error.response
        return reply

    def read_preference_values(self) -> Mapping[str, object]:
        """Return app/preferences, secrets included."""
        return cast("Mapping[str, object]", self.app_preferences())

    def read_main_data(self, rid: int, take: Callable[[dict[str, TorrentChange]], None]) -> MainData:
        """Return the reply of sync/maindata with the changes since its reply `rid`; 0: everything.

        `take` gets torrents of a long reply while it is parsed, and the result has the others.
        """
        reply: Response = self._post(
            _name=APINames.Sync, _method="maindata", data={"rid": rid}, response_class=Response
        )
        if self._transfer_stats:
            self._transfer_stats.read_delta(reply.content)
        return parse_main_data(
            reply.iter_content(None), MAIN_DATA_ADAPTER.validate_json, TORRENT_CHANGES_ADAPTER.validate_json, take
        )

    def read_free_space(self) -> int:
        """Return the bytes free at the default path, from a full reply of sync/maindata."""
        reply: Response = self._post(_name=APINames.Sync, _method="maindata", data={"rid": 0})
        return SERVER_STATE_ADAPTER.validate_json(reply.content)["server_state"]["free_space_on_disk"]

    def app_web_api_version(self, **_: Any) -> str:
        """Return the known version. The library would request it before every call that depends on it."""
        return self.web_api

    def read_web_api_version(self) -> str:
        """Request the Web API version."""
        return str(super().app_web_api_version())

    def _auth_request(self, *args: Any, **kwargs: Any) -> Any:
        """Send without a login: the connection decides if a 403 needs one."""
        return self._request_manager(*args, **kwargs)

    def _request_manager(
        self,
        http_method: Literal["get", "GET", "post", "POST"],
        api_namespace: APINames | str,
        api_method: str,
        *args: Any,
        version_introduced: str = "",
        version_removed: str = "",
        **kwargs: Any,
    ) -> Any:
        """Send once. The library would send again after an error or a timeout."""
        endpoint = "/".join((api_namespace, api_method))
        self._has_left_traces |= endpoint not in _TRACELESS_ENDPOINTS
        if self.web_api:  # every version has the calls before it is set
            self._is_endpoint_supported_for_version(endpoint, version_introduced, version_removed)
        self._adapter.check_cancelled()
        self.request_count += 1
        try:
            return self._request(http_method, api_namespace, api_method, *args, **kwargs)
        except RecursionError:
            raise UnexpectedReply("answered with JSON that nests too deeply for qBittorrent") from None

    def _cast(self, response: Response, response_class: type, **_: Any) -> Any:
        """Return the body as `response_class`. The API of qBittorrent never answers with a page or a redirect."""
        self.server_date = response.headers.get("Date", "")
        _check_no_page(response)
        if response_class is TorrentInfoList:
            return list(self._iter_rows(response))
        if response_class is TorrentCategoriesDictionary:
            return CATEGORY_ROWS_ADAPTER.validate_json(response.content)
        if response_class is ApplicationPreferencesDictionary:
            return PREFERENCES_ADAPTER.validate_json(response.content)
        return super()._cast(response, response_class)

    def _iter_rows(self, response: Response) -> Iterator[TorrentRow]:
        return chain.from_iterable(parse_list(response.iter_content(None), self._parse_torrent_rows))

    def _parse_torrent_rows(self, text: bytes) -> list[TorrentRow]:
        rows = TORRENT_ROWS_ADAPTER.validate_json(text)
        if self._transfer_stats:
            self._transfer_stats.read_list(text)
        return rows

    @property
    def _session(self) -> DirectSession:
        if self._http_session is None:
            self._http_session = DirectSession(self._adapter, super()._session.headers, self._resumed_cookies)
        return cast("DirectSession", self._http_session)


def _read_environment(instance: Instance) -> dict[str, Any]:
    """Return the proxies and the certificate authorities for requests to an instance, as requests reads them."""
    verify: bool | str = (instance.ca_file or True) if instance.tls_verify else False
    if verify is True:
        verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    # the rules for hosts without a proxy take twice as long as to see that there is no proxy
    return {"proxies": get_environ_proxies(instance.url) if getproxies() else {}, "verify": verify}


def _build_proxy_headers(instance: Instance) -> dict[str, str]:
    """Return the headers for a proxy before the Web API. Redirects are not followed, so they reach nobody else."""
    headers = {name: value.reveal() for name, value in instance.headers.items()}
    if instance.basic_auth:
        text = f"{instance.basic_auth.username}:{instance.basic_auth.password.reveal()}"
        headers["Authorization"] = "Basic " + base64.b64encode(text.encode()).decode()
    return headers


def is_loopback(url: str) -> bool:
    """True if the instance is on this machine.

    Compression costs a tenth more time on loopback (10,000 torrents on 5.3.0: 0.66 s instead of 0.60 s). Over a network
    it pays: a list shrinks to a tenth or less.
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_no_page(response: Response) -> None:
    """Raise `UnexpectedReply` for a redirect and for a page, which the API of qBittorrent never sends."""
    if response.status_code >= 300:
        target = _redirect_target(response)
        if re.search(r"(?i)log-?in|sign-?in|auth|sso", target):
            raise UnexpectedReply(f"redirects to {target}, which looks like a login page. {_LOGIN_PAGE_HINT}")
        raise UnexpectedReply(f"redirects to {target}. Give `url` as the address that finally answers")
    if "html" in response.headers.get("Content-Type", ""):
        raise UnexpectedReply(
            "answered with a web page. Check the host, port and base path of `url`. If they are right, there is a "
            f"login page before qBittorrent. {_LOGIN_PAGE_HINT}"
        )


def _redirect_target(response: Response) -> str:
    """The target of a redirect, without its query and other parts that may be tokens."""
    location = response.headers.get("Location", "")
    try:
        target = urlsplit(location)
        origin = f"{target.scheme}://{target.netloc.rpartition('@')[2]}" if target.netloc else ""
    except ValueError:
        return "a malformed address"
    return origin + redact_path(target.path) or "nowhere"
