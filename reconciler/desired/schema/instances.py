"""The schema of `instances`."""

import re
from typing import Annotated, Any, Final, Literal, Required, get_args

from pydantic import AfterValidator, Field, with_config
from typing_extensions import TypedDict  # before Python 3.12 pydantic cannot read the TypedDict of `typing`

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.categories import CategoryEntries
from reconciler.desired.schema.common import (
    DEFERRED,
    DURATION_TEXT,
    STRICT_CONFIG,
    Duration,
    SavePath,
    SecretSource,
    UrlSource,
    check_plain_name,
)
from reconciler.desired.schema.probes import ProbeEntry
from reconciler.model.codes import Code


def check_instance_name(text: str) -> str:
    """The name of an instance."""
    return check_plain_name("the name of an instance", text)


InstanceName = Annotated[str, AfterValidator(check_instance_name)]


def check_data_name(text: str) -> str:
    """The name of data that several instances see."""
    return check_plain_name("the name of shared data", text)


DataName = Annotated[str, AfterValidator(check_data_name)]


@with_config(STRICT_CONFIG)
class TlsEntry(TypedDict, total=False):
    """The check of the certificate of an https instance."""

    verify: bool
    ca_file: str | None


@with_config(STRICT_CONFIG)
class TimeoutEntry(TypedDict, total=False):
    """The time limits for a connection and for a response."""

    connect: Duration
    read: Duration


@with_config(STRICT_CONFIG)
class BasicAuthEntry(TypedDict, total=False):
    """The credentials for a proxy before the Web API."""

    username: Required[SecretSource]
    password: Required[SecretSource]


_HEADER_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
OWN_HEADERS: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "content-type", "cookie", "host", "origin", "referer"}
    | {"transfer-encoding"}
)


def check_header_name(text: str) -> str:
    """The name of an HTTP header that a request may have in addition to those of its own."""
    if not re.fullmatch(_HEADER_NAME, text):
        raise InvalidValue(
            Code.HEADER,
            "the name of a header may contain only letters, digits and -",
            "Write it like CF-Access-Client-Id: …",
        )
    if text.lower() in OWN_HEADERS:
        raise InvalidValue(
            Code.HEADER, f"the header {text} cannot be set: the session with qBittorrent needs its own", "Remove it"
        )
    return text


HeaderName = Annotated[str, AfterValidator(check_header_name)]

UnhealthyWord = Literal["leave", "pause"]


@with_config(STRICT_CONFIG)
class InstanceEntry(TypedDict, total=False):
    """One qBittorrent Web API. Without a url, it adds categories to the instance that another document declares."""

    url: UrlSource
    username: SecretSource | None
    password: SecretSource | None
    api_key: SecretSource | None
    basic_auth: Annotated[BasicAuthEntry, DEFERRED]
    headers: Annotated[dict[HeaderName, SecretSource], DEFERRED]
    tls: Annotated[TlsEntry, DEFERRED]
    timeout: Annotated[TimeoutEntry, DEFERRED]
    pool_size: Annotated[int, Field(ge=1, le=16)]
    categories: CategoryEntries
    preferences: dict[str, Any]  # checked in `builders.preferences`, against the table of known keys
    suspend: bool
    health: Annotated[list[ProbeEntry], DEFERRED]
    when_unhealthy: UnhealthyWord
    path_map: Annotated[dict[SavePath, SavePath], DEFERRED]
    data: DataName


INSTANCE_CHOICES: Final[dict[str, tuple[str, ...]]] = {"when_unhealthy": get_args(UnhealthyWord)}
INSTANCE_NUMBER_TEXTS: Final = {
    "connect": DURATION_TEXT,
    "read": DURATION_TEXT,
    "pool_size": "a whole number from 1 to 16",
}
