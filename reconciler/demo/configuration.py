"""The configuration file of a throwaway qBittorrent: on loopback only, without peer discovery."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import field
from functools import cache
from pathlib import Path

from reconciler.model.lazy_dataclass import dataclass

PBKDF2_ROUNDS = 100_000  # as in utils/password of qBittorrent


@dataclass(frozen=True, slots=True)
class ServerConfiguration:
    """The settings of one server. `extra_preferences` and `extra_session` are further keys, in the file's syntax."""

    host: str
    port: int
    listen_port: int
    username: str
    password: str = field(repr=False)
    api_key: str | None = field(repr=False)
    downloads: Path
    trusted_client: str | None
    extra_preferences: Mapping[str, str]
    extra_session: Mapping[str, str]

    def render(self) -> str:
        """Return the file, with the old and the new names of the keys: each version ignores unknown names."""
        sections: dict[str, Mapping[str, object]] = {
            "LegalNotice": {"Accepted": "true"},
            "BitTorrent": {**self._build_session_keys(), **self.extra_session},
            "Preferences": {**self._build_web_ui_keys(), **self._build_legacy_keys(), **self.extra_preferences},
        }
        return "".join(
            f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items())
            for name, keys in sections.items()
        )

    def _build_session_keys(self) -> Mapping[str, object]:
        return {
            **{f"Session\\{key}": "false" for key in ("DHTEnabled", "PeXEnabled", "LSDEnabled")},
            "Session\\Interface": "lo",
            "Session\\InterfaceName": "lo",
            "Session\\Port": self.listen_port,
            "Session\\DefaultSavePath": _quote_ini(str(self.downloads)),
        }

    def _build_web_ui_keys(self) -> Mapping[str, object]:
        """Return the keys of the Web UI, which 5.3 moves to a separate section at its first start."""
        key = {"WebUI\\APIKey": self.api_key} if self.api_key else {}
        trust = {"WebUI\\AuthSubnetWhitelistEnabled": "true", "WebUI\\AuthSubnetWhitelist": f"{self.trusted_client}/32"}
        return {
            "WebUI\\Address": self.host,
            "WebUI\\Port": self.port,
            "WebUI\\LocalHostAuth": "true",
            "WebUI\\UseUPnP": "false",
            "WebUI\\Username": _quote_ini(self.username),
            "WebUI\\Password_PBKDF2": f'"{_hash_password(self.password)}"',
            **key,
            **(trust if self.trusted_client else {}),
        }

    def _build_legacy_keys(self) -> Mapping[str, object]:
        return {
            **{f"Bittorrent\\{key}": "false" for key in ("DHT", "PeX", "LSD")},
            "Connection\\PortRangeMin": self.listen_port,
            "Connection\\Interface": "lo",
            "Connection\\InterfaceName": "lo",
            "Connection\\ResolvePeerCountries": "false",
            "Connection\\UPnP": "false",
            "Downloads\\SavePath": _quote_ini(str(self.downloads)),
        }


def _quote_ini(text: str) -> str:
    r"""Return a string for Qt's INI format: as it is, or each UTF-16 unit as `\x` if it has special characters."""
    if all(char.isascii() and (char.isalnum() or char in "/._-") for char in text):
        return text
    units = text.encode("utf-16-be").hex()
    return '"' + "".join("\\x" + units[index : index + 4] for index in range(0, len(units), 4)) + '"'


@cache
def _hash_password(password: str) -> str:
    """Return a Web UI password as qBittorrent stores it: PBKDF2-HMAC-SHA512."""
    salt = os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PBKDF2_ROUNDS)
    return f"@ByteArray({base64.b64encode(salt).decode()}:{base64.b64encode(key).decode()})"
