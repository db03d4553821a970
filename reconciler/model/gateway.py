"""The settings of the intake, of the gateway that services speak to, and of the adapters for other programs."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Position
from reconciler.model.secret import Secret

DEFAULT_MAX_TORRENTS: Final = 10_000
DEFAULT_MAX_DELETE: Final = 100
DEFAULT_SERVICE_NAME: Final = "reconcile"


class Shows(StrEnum):
    """The torrents that the gateway shows: handed in by services, all that we own, or every one on the instances."""

    INTAKE = "intake"
    OWNED = "owned"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """The file (a path) that holds what services hand in, and the instance or group that it goes to.

    `max_delete`: how many torrents of the intake one run may delete. `is_missing`: the file does not exist here, so
    nobody knows what was handed in.
    """

    position: Position
    file: str
    instance: str
    max_torrents: int = DEFAULT_MAX_TORRENTS
    max_delete: int = DEFAULT_MAX_DELETE
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Registration:
    """The URL of a program that wants to know its downloader, and what it is told: a name, and where we listen."""

    url: str = field(repr=False)
    host: str
    port: int
    name: str = DEFAULT_SERVICE_NAME


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """The adapters that answer, each off unless it is named. `creator`: the instance that creates torrents; "" off."""

    downloader: bool = False
    registration: Registration | None = None
    router: bool = False
    radarr: bool = False
    creator: str = ""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """The credentials of the gateway, and what it shows.

    A password or key that is missing on this machine is None: then nobody can log in with it. `trusted`: the networks
    of peers that need no credentials.
    """

    position: Position
    username: str | None = None
    password: Secret | None = None
    api_key: Secret | None = None
    shows: Shows = Shows.OWNED
    trusted: tuple[IPv4Network | IPv6Network, ...] = ()
    services: ServiceSettings = field(default_factory=ServiceSettings)
