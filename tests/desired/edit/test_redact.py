"""Lines of a desired state that are shown without their secrets."""

from __future__ import annotations

from reconciler.desired.edit import (
    parse_layout,
    redact_text,
)


def test_nothing_secret_is_presentable() -> None:
    text = """instances:
  a: {password: "hunter2", api_key: 'hunter2' , url: x}
  b:
    password: hunter2  # why
    api_key: |
      hunter2
      hunter2
  c: {password: {env: NAME}, headers: {X-Token: "hunter2", X-Other: {env: OTHER}}}
  d: {basic_auth: {username: box, password: hunter2}}
x-secret: &secret hunter2
x-secrets: [&one hunter2, {password: hunter2}]
torrents:
  - magnet: magnet:?tr=http://hunter2&xt=urn:btih:00&dn=a&tr.1=hunter2&x.pe=hunter2
  - torrent: https://user:hunter2@example.org/dl/hunter2?k=hunter2
    trackers: ['udp://t.example:80/hunter2', "http://t.example/?hunter2"]
"""
    shown = redact_text(text, parse_layout(text))
    assert "hunter2" not in shown
    assert len(shown.splitlines()) == len(text.splitlines())
    for excerpt in (
        "{env: NAME}",
        'X-Token: "***", X-Other: {env: OTHER}',
        "xt=urn:btih:00&dn=a&***",
        "https://example.org/***",
        "# why",
        'password: "***",',
        "url: x",
    ):
        assert excerpt in shown
