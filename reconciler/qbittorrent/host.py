"""Read what an instance reports about its host: the network, the free space, and the libraries of its build.

The preferences contain secrets (passwords, the API key). Three values are taken out of the reply here; nothing else of
it is kept, shown or logged.
"""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import StringConstraints
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from reconciler.model.desired import Instance
from reconciler.model.health import NetworkState
from reconciler.model.versions import FREE_SPACE_AT_PATH
from reconciler.qbittorrent.client import Client
from reconciler.qbittorrent.connection import Connection
from reconciler.qbittorrent.schemas import MAX_INT64, LazyAdapter


class _Preferences(TypedDict):
    """app/preferences: the interface by its system name, and (since 4.6) by its display name."""

    current_network_interface: str
    current_interface_name: NotRequired[str]


class _Interface(TypedDict):
    """A row of app/networkInterfaceList."""

    name: str
    value: str


class _TransferInfo(TypedDict):
    """transfer/info. The addresses are there since 5.1 (Web API 2.11.3), and empty until qBittorrent learns them."""

    connection_status: str
    last_external_address_v4: NotRequired[str]
    last_external_address_v6: NotRequired[str]


class _BuildInfo(TypedDict):
    """app/buildInfo."""

    libtorrent: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9}){1,3}$")]


_BUILD_INFO_ADAPTER: LazyAdapter[_BuildInfo] = LazyAdapter(_BuildInfo)
_PREFERENCES_ADAPTER: LazyAdapter[_Preferences] = LazyAdapter(_Preferences)
_INTERFACES_ADAPTER: LazyAdapter[list[_Interface]] = LazyAdapter(list[_Interface])
_TRANSFER_INFO_ADAPTER: LazyAdapter[_TransferInfo] = LazyAdapter(_TransferInfo)


def read_network_state(connection: Connection, *, interface: bool, transfer: bool) -> NetworkState:
    """Read the network interface (two requests), the connection status and addresses (one request), or both."""
    preferences = connection.call("app/preferences", _read_preferences) if interface else None
    interfaces = connection.call("app/networkInterfaceList", _read_interfaces) if interface else None
    transfer_info = connection.call("transfer/info", _read_transfer_info) if transfer else None
    return NetworkState(
        interface=preferences["current_network_interface"] if preferences else None,
        interface_name=preferences.get("current_interface_name") if preferences else None,
        interfaces=None if interfaces is None else tuple(sorted(row["value"] for row in interfaces)),
        connection_status=transfer_info["connection_status"] if transfer_info else None,
        addresses=_external_addresses(transfer_info) if transfer_info else None,
    )


def read_libtorrent_version(connection: Connection) -> str:
    """Return the version of libtorrent that it is built on, like `2.0.11.0`."""
    return connection.call("app/buildInfo", _read_build_info)["libtorrent"]


def read_default_save_path(connection: Connection) -> str:
    """Return the save path of torrents that have no path of their own."""
    return connection.call("app/defaultSavePath", lambda client: str(client.app_default_save_path()))


def read_free_space(connection: Connection, instance: Instance) -> int | None:
    """Return the bytes free at the default path; None where reading them would leave something on the server.

    Before 5.3 only sync/maindata reports them. For it the server keeps a copy of everything until the session is logged
    out (decision 10), so close the connection soon. The session of an API key cannot be logged out.
    """
    if FREE_SPACE_AT_PATH.is_available(connection.api_version):
        path = read_default_save_path(connection)
        free_bytes = connection.call("app/getFreeSpaceAtPath", lambda client: client.app_get_free_space_at_path(path))
    elif instance.api_key:
        return None
    else:
        free_bytes = connection.call("sync/maindata", lambda client: client.read_free_space())
    return free_bytes if 0 <= free_bytes <= MAX_INT64 else None


def _read_build_info(client: Client) -> _BuildInfo:
    return _BUILD_INFO_ADAPTER.validate_python(client.app_build_info())


def _read_preferences(client: Client) -> _Preferences:
    return _PREFERENCES_ADAPTER.validate_python(client.app_preferences())


def _read_interfaces(client: Client) -> list[_Interface]:
    return _INTERFACES_ADAPTER.validate_python(client.app_network_interface_list())


def _read_transfer_info(client: Client) -> _TransferInfo:
    return _TRANSFER_INFO_ADAPTER.validate_python(client.transfer_info())


def _external_addresses(info: _TransferInfo) -> tuple[str, ...] | None:
    if "last_external_address_v4" not in info:
        return None
    addresses = info["last_external_address_v4"], info.get("last_external_address_v6", "")
    return tuple(address for address in addresses if address)
