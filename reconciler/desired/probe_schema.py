"""The shape of an instance's `health`: a list of probes, each with exactly one subject."""

from __future__ import annotations

from typing import Annotated, Any, Final, Required

from pydantic import AfterValidator, BeforeValidator, Field, with_config
from typing_extensions import TypedDict  # typing has one that pydantic can read from Python 3.12 on

from reconciler.desired import probe_rules, rules
from reconciler.desired.shapes import STRICT, Duration, SecretSource


def _with_url(value: Any) -> Any:
    """A url by itself stands for a probe with nothing else said."""
    return {"url": value} if isinstance(value, str) else value


Networks = Annotated[Any, BeforeValidator(probe_rules.networks)]


@with_config(STRICT)
class AddressesEntry(TypedDict, total=False):
    """Which external addresses are right."""

    must_be: Networks
    must_not_be: Networks


@with_config(STRICT)
class HttpEntry(TypedDict, total=False):
    """A url, and what its answer must be."""

    url: Required[Annotated[str, AfterValidator(probe_rules.any_url)]]
    status: Annotated[Any, BeforeValidator(probe_rules.statuses)]
    json: Annotated[Any, BeforeValidator(probe_rules.json_values)]


@with_config(STRICT)
class GluetunEntry(AddressesEntry, total=False):
    """gluetun's control server."""

    url: Required[Annotated[str, AfterValidator(rules.url)]]
    api_key: SecretSource | None
    username: str | None
    password: SecretSource | None


@with_config(STRICT)
class ProbeEntry(TypedDict, total=False):
    """One probe. That it has exactly one subject is checked when it is built."""

    tcp: Annotated[Any, BeforeValidator(probe_rules.host_and_port)]
    http: Annotated[HttpEntry, BeforeValidator(_with_url)]
    ping: Annotated[Any, BeforeValidator(probe_rules.host)]
    interface: Annotated[Any, BeforeValidator(probe_rules.interface)]
    connection_status: Annotated[Any, BeforeValidator(probe_rules.connection_statuses)]
    external_ip: Annotated[AddressesEntry, BeforeValidator(probe_rules.not_empty)]
    gluetun: Annotated[GluetunEntry, BeforeValidator(_with_url)]
    timeout: Duration
    failure_threshold: Annotated[int, Field(ge=1, le=100)]
    success_threshold: Annotated[int, Field(ge=1, le=100)]


SUBJECTS: Final = ("tcp", "http", "ping", "interface", "connection_status", "external_ip", "gluetun")
FROM_QBITTORRENT: Final = ("interface", "connection_status", "external_ip")
PROBE_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "health": tuple(ProbeEntry.__annotations__),
    "http": tuple(HttpEntry.__annotations__),
    "external_ip": tuple(AddressesEntry.__annotations__),
    "gluetun": ("url", "api_key", "username", "password", "must_be", "must_not_be"),
}
