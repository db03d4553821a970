"""A desired state to be edited, with a passkey that no output may contain."""

from __future__ import annotations

from typing import Final

from tests.support.desired_yaml import SINTEL

FILE: Final = f"""\
owner: me  # mine
version: 1
policy: sync
instances:
  home: {{url: "http://127.0.0.1:9", username: me, password: {{env: HOME_PASSWORD}}}}
torrents:
  - magnet: {SINTEL}&dn=Sintel&tr=http%3A%2F%2Ft%2Fpasskey
    tags:   [a]   # why
"""
