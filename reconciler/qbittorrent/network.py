"""What an instance says of its own network, as the model has it.

The preferences hold secrets (passwords, the API key). Three of them are taken out of the reply here, and nothing else
of it is kept, shown or logged.
"""

from __future__ import annotations

from typing import NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic cannot read the one of `typing` before Python 3.12

from reconciler.model.health import NetworkState
from reconciler.qbittorrent.client import Client
from reconciler.qbittorrent.connection import Connection


class _Preferences(TypedDict):
    """app/preferences: the interface by its system's name, and (since 5.0) as people know it."""

    current_network_interface: str
    current_interface_name: NotRequired[str]


class _Interface(TypedDict):
    """A row of app/networkInterfaceList."""

    name: str
    value: str


class _TransferInfo(TypedDict):
    """transfer/info. The addresses are told since 5.1 (Web API 2.11.3), and empty until they are known."""

    connection_status: str
    last_external_address_v4: NotRequired[str]
    last_external_address_v6: NotRequired[str]


_PREFERENCES_ADAPTER: TypeAdapter[_Preferences] = TypeAdapter(_Preferences)
_INTERFACES_ADAPTER: TypeAdapter[list[_Interface]] = TypeAdapter(list[_Interface])
_TRANSFER_INFO_ADAPTER: TypeAdapter[_TransferInfo] = TypeAdapter(_TransferInfo)


def read_network_state(connection: Connection, *, interface: bool, transfer: bool) -> NetworkState:
    """Two requests for the interface, one for the rest."""
    bound = connection.call("app/preferences", _read_preferences) if interface else None
    listed = connection.call("app/networkInterfaceList", _read_interfaces) if interface else None
    told = connection.call("transfer/info", _read_transfer_info) if transfer else None
    return NetworkState(
        interface=bound["current_network_interface"] if bound else None,
        interface_name=bound.get("current_interface_name") if bound else None,
        interfaces=None if listed is None else tuple(sorted(row["value"] for row in listed)),
        connection_status=told["connection_status"] if told else None,
        addresses=_external_addresses(told) if told else None,
    )


def _read_preferences(client: Client) -> _Preferences:
    return _PREFERENCES_ADAPTER.validate_python(client.app_preferences())


def _read_interfaces(client: Client) -> list[_Interface]:
    return _INTERFACES_ADAPTER.validate_python(client.app_network_interface_list())


def _read_transfer_info(client: Client) -> _TransferInfo:
    return _TRANSFER_INFO_ADAPTER.validate_python(client.transfer_info())


def _external_addresses(info: _TransferInfo) -> tuple[str, ...] | None:
    if "last_external_address_v4" not in info:
        return None
    both = info["last_external_address_v4"], info.get("last_external_address_v6", "")
    return tuple(address for address in both if address)
