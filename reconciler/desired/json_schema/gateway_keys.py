"""A description of each key of `intake` and `gateway`."""

from __future__ import annotations

from typing import Final

from reconciler.desired.json_schema.descriptions import SECRET_TEXT, KeyDescription, default_of
from reconciler.model.gateway import DEFAULT_SERVICE_NAME, GatewaySettings, IntakeSettings

_Key = KeyDescription

GATEWAY_KEY_DESCRIPTIONS: Final[dict[str, dict[str, KeyDescription]]] = {
    "IntakeEntry": {
        "file": _Key(
            "The YAML file that only the sidecar writes, relative to this file. The .torrent files lie beside it.",
            ("/state/intake.yaml",),
        ),
        "instance": _Key(
            "The instance or group of what is handed in. With exactly one instance, that one is the default.",
            ("resilient",),
        ),
        "max_torrents": _Key("How many torrents it may hold.", (500,), default_of(IntakeSettings, "max_torrents")),
        "max_delete": _Key(
            "How many torrents one run may delete because a service took them back.",
            (10,),
            default_of(IntakeSettings, "max_delete"),
        ),
    },
    "GatewayEntry": {
        "username": _Key("The user name for services. Also {env: NAME} or {file: PATH}.", ("arr",)),
        "password": _Key(f"The password for services: {SECRET_TEXT}.", ({"file": "/run/secrets/gateway"},)),
        "api_key": _Key(f"The key for services, as qBittorrent 5.2 has it: {SECRET_TEXT}.", ({"env": "GATEWAY_KEY"},)),
        "shows": _Key(
            "The torrents that services see. intake: what was handed in. owned: all of this owner. all: every one.",
            default=default_of(GatewaySettings, "shows").value,
        ),
        "trusted": _Key(
            "Networks whose peers need no credentials: an address or network, or a list.", (["10.0.0.0/8"],)
        ),
        "services": _Key("The adapters for other programs, each off unless it is named.", ({"router": {}},)),
    },
    "ServicesEntry": {
        "downloader": _Key("The adapter that takes downloads from a core, and can register there.", ({},)),
        "router": _Key("The adapter /api/downloads.", ({},)),
        "radarr": _Key("The adapter /api/v3/download.", ({},)),
        "creator": _Key("The adapter /api/torrent, which creates torrents.", ({"instance": "home"},)),
    },
    "DownloaderEntry": {
        "register": _Key(
            "The program to register with, at the start and when it has restarted.",
            ({"url": "http://core:8000", "host": "sidecar", "port": 9470},),
        )
    },
    "RegisterEntry": {
        "url": _Key("The address of the program.", ("http://core:8000",)),
        "name": _Key("Our name there.", ("reconcile",), DEFAULT_SERVICE_NAME),
        "host": _Key("The host at which the program reaches us.", ("sidecar",)),
        "port": _Key("The port at which the program reaches us.", (9470,)),
    },
    "CreatorEntry": {"instance": _Key("The instance that creates the torrents.", ("home",))},
}
"""The keys of each mapping, by the name of its class in the schema."""
