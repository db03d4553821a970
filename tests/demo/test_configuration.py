"""The configuration file of a throwaway server."""

from __future__ import annotations

import base64
import hashlib
from configparser import RawConfigParser
from dataclasses import replace
from pathlib import Path

from reconciler.demo.configuration import PBKDF2_ROUNDS, ServerConfiguration

CONFIGURATION = ServerConfiguration(
    "127.0.0.2", 18080, 18081, "admin", "a b", None, Path("/tmp/downloads"), None, {"WebUI\\Extra": "1"}, {}
)


def parse(configuration: ServerConfiguration) -> RawConfigParser:
    """Return the sections of the rendered file."""
    parser = RawConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(configuration.render())
    return parser


def test_the_server_listens_on_its_own_address_without_peer_discovery() -> None:
    parser = parse(CONFIGURATION)
    assert parser["LegalNotice"]["Accepted"] == "true"
    assert parser["Preferences"]["WebUI\\Address"] == "127.0.0.2"
    assert parser["Preferences"]["WebUI\\Port"] == "18080"
    assert parser["Preferences"]["WebUI\\Extra"] == "1"
    assert parser["BitTorrent"]["Session\\Port"] == "18081"
    assert parser["BitTorrent"]["Session\\Interface"] == "lo"
    for key in ("DHTEnabled", "PeXEnabled", "LSDEnabled"):
        assert parser["BitTorrent"][f"Session\\{key}"] == "false"
    for key in ("DHT", "PeX", "LSD"):  # the names of 4.2
        assert parser["Preferences"][f"Bittorrent\\{key}"] == "false"


def test_the_password_is_stored_only_as_a_salted_hash() -> None:
    stored = parse(CONFIGURATION)["Preferences"]["WebUI\\Password_PBKDF2"]
    salt, key = stored.removeprefix('"@ByteArray(').removesuffix(')"').split(":")
    expected = hashlib.pbkdf2_hmac("sha512", b"a b", base64.b64decode(salt), PBKDF2_ROUNDS)
    assert base64.b64decode(key) == expected
    assert "a b" not in CONFIGURATION.render() + repr(CONFIGURATION)


def test_only_a_configured_api_key_is_written() -> None:
    assert "APIKey" not in CONFIGURATION.render()
    configured = replace(CONFIGURATION, api_key="qbt_secret")
    assert parse(configured)["Preferences"]["WebUI\\APIKey"] == "qbt_secret"
    assert "qbt_secret" not in repr(configured)


def test_special_characters_are_written_as_utf_16_units() -> None:
    plain = parse(CONFIGURATION)["Preferences"]
    assert plain["Downloads\\SavePath"] == "/tmp/downloads"
    odd = parse(replace(CONFIGURATION, downloads=Path("/é;😀"), username='a"b'))
    assert odd["BitTorrent"]["Session\\DefaultSavePath"] == '"\\x002f\\x00e9\\x003b\\xd83d\\xde00"'
    assert odd["Preferences"]["WebUI\\Username"] == '"\\x0061\\x0022\\x0062"'


def test_a_trusted_client_is_the_only_one_that_needs_no_password() -> None:
    keys = parse(replace(CONFIGURATION, trusted_client="127.0.0.9"))["Preferences"]
    assert keys["WebUI\\AuthSubnetWhitelistEnabled"] == "true"
    assert keys["WebUI\\AuthSubnetWhitelist"] == "127.0.0.9/32"
    assert "WebUI\\AuthSubnetWhitelistEnabled" not in parse(CONFIGURATION)["Preferences"]
