"""The configuration file of a throwaway qBittorrent: on loopback only, and looking for nobody by itself."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROUNDS = 100_000  # of PBKDF2, as qBittorrent's own utils/password does


@dataclass(frozen=True, slots=True)
class Configuration:
    """What differs between servers. `preferences` and `session` are further lines, in the file's own syntax."""

    host: str
    port: int
    listen_port: int
    username: str
    password: str = field(repr=False)
    api_key: str | None = field(repr=False)
    downloads: Path
    preferences: Mapping[str, str]
    session: Mapping[str, str]

    def text(self) -> str:
        """The file, with the old and the new names of the keys: each version takes those that it knows."""
        sections: dict[str, Mapping[str, object]] = {
            "LegalNotice": {"Accepted": "true"},
            "BitTorrent": {**self._session(), **self.session},
            "Preferences": {**self._web_ui(), **self._before_4_3(), **self.preferences},
        }
        return "".join(
            f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items())
            for name, keys in sections.items()
        )

    def _session(self) -> Mapping[str, object]:
        return {
            **{f"Session\\{key}": "false" for key in ("DHTEnabled", "PeXEnabled", "LSDEnabled")},
            "Session\\Interface": "lo",
            "Session\\InterfaceName": "lo",
            "Session\\Port": self.listen_port,
            "Session\\DefaultSavePath": _quoted(str(self.downloads)),
        }

    def _web_ui(self) -> Mapping[str, object]:
        """5.3 moves these to a section of their own at its first start."""
        key = {"WebUI\\APIKey": self.api_key} if self.api_key else {}
        return {
            "WebUI\\Address": self.host,
            "WebUI\\Port": self.port,
            "WebUI\\LocalHostAuth": "true",
            "WebUI\\UseUPnP": "false",
            "WebUI\\Username": _quoted(self.username),
            "WebUI\\Password_PBKDF2": f'"{_hashed(self.password)}"',
            **key,
        }

    def _before_4_3(self) -> Mapping[str, object]:
        return {
            **{f"Bittorrent\\{key}": "false" for key in ("DHT", "PeX", "LSD")},
            "Connection\\PortRangeMin": self.listen_port,
            "Connection\\Interface": "lo",
            "Connection\\InterfaceName": "lo",
            "Connection\\ResolvePeerCountries": "false",
            "Connection\\UPnP": "false",
            "Downloads\\SavePath": _quoted(str(self.downloads)),
        }


def _quoted(text: str) -> str:
    r"""A string as Qt's INI format reads it back, whatever is in it: each UTF-16 unit as `\x` where it is not plain."""
    if all(char.isascii() and (char.isalnum() or char in "/._-") for char in text):
        return text
    units = text.encode("utf-16-be").hex()
    return '"' + "".join("\\x" + units[at : at + 4] for at in range(0, len(units), 4)) + '"'


@cache
def _hashed(password: str) -> str:
    """A Web UI password as qBittorrent stores it: PBKDF2-HMAC-SHA512."""
    salt = os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS)
    return f"@ByteArray({base64.b64encode(salt).decode()}:{base64.b64encode(key).decode()})"
