"""Faults of networks, proxies and servers by name, and the script that chooses the requests of a run that meet one."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tests.support import proxy as faults
from tests.support.proxy import READ_ENDPOINTS, Fault

HANG_SECONDS: Final = 2.5  # longer than the read timeout
_HTML: Final = "<html><form>log in</form></html>"


def answer_after(code: int) -> Fault:
    """The server does what was asked, and a proxy before it answers with an error."""

    def apply_fault(handler: Any, body: bytes) -> None:
        handler.ask_server(body)
        handler.send_answer(code, [("Content-Type", "text/html")], _HTML.encode())

    return apply_fault


def change_answer(change: Callable[[bytes], bytes], *headers: tuple[str, str]) -> Fault:
    """Another body than the server sent, of a matching length."""

    def apply_fault(handler: Any, body: bytes) -> None:
        code, own_headers, content = handler.ask_server(body)
        handler.send_answer(code, [*own_headers, *headers], change(content))

    return apply_fault


def drip_answer(handler: Any, body: bytes) -> None:
    """The answer arrives in small pieces, over half a second."""
    code, headers, content = handler.ask_server(body)
    handler.send_response(code)
    for key, value in (*headers, ("Content-Length", str(len(content)))):
        handler.send_header(key, value)
    handler.end_headers()
    size = max(1, len(content) // 10)
    for start in range(0, len(content), size):
        handler.wfile.write(content[start : start + size])
        handler.wfile.flush()
        time.sleep(0.05)


def send_garbage(handler: Any, body: bytes) -> None:
    """Bytes that are no HTTP."""
    handler.wfile.write(b"\x00\xff\x13garbage\r\n\r\n" * 20)
    handler.wfile.flush()
    handler.hang_up()


def lose_cookie(handler: Any, body: bytes) -> None:
    """The server meets the request without its session."""
    del handler.headers["Cookie"]
    faults.forward_request(handler, body)


def send_twice(handler: Any, body: bytes) -> None:
    """A proxy sends the request a second time."""
    handler.ask_server(body)
    faults.forward_request(handler, body)


def send_late(handler: Any, body: bytes) -> None:
    """The client gives up before the request reaches the server."""
    handler.wait_for_client(HANG_SECONDS)
    handler.hang_up()
    handler.ask_server(body)


def keep_half(content: bytes) -> bytes:
    """Every second row of a list of torrents, as valid JSON."""
    try:
        answer = json.loads(content)
    except ValueError:
        return content
    if isinstance(answer, list):
        return json.dumps(answer[::2]).encode()
    return content


SENSELESS_VALUES: Final[tuple[Any, ...]] = (
    None, True, [], {}, [[]], "", "x", "\u0000\u202e", -1, 0.5, 2**63, -(2**70), 1e308, float("nan"), float("inf"),
)  # fmt: skip


def put_senseless_value(dice: Random) -> Callable[[bytes], bytes]:
    """Return a change of one value somewhere in a JSON answer, or of the whole answer."""

    def change(content: bytes) -> bytes:
        try:
            answer = json.loads(content)
        except ValueError:
            return dice.choice([b"", b"null", b"[]", b"v99.x", b"\xff\xfe"])
        place = answer
        while isinstance(place, (list, dict)) and place:
            key = dice.choice(range(len(place)) if isinstance(place, list) else list(place))
            if not (isinstance(place[key], (list, dict)) and place[key]) or dice.random() < 0.1:
                place[key] = dice.choice(SENSELESS_VALUES)
                return json.dumps(answer).encode()
            place = place[key]
        return json.dumps(dice.choice(SENSELESS_VALUES)).encode()

    return change


BEFORE: Final[Mapping[str, Fault]] = {  # the server never sees the request
    "reset before": faults.reset_before,
    "502 before": faults.answer_with_status(502, _HTML),
    "503 before": faults.answer_with_status(503, _HTML),
    "429 before": faults.answer_with_status(429, "slow down"),
    "hang before": faults.hang_before(HANG_SECONDS),
    "login page": faults.answer_with_status(200, _HTML),
    "redirect": lambda handler, body: handler.send_answer(302, [("Location", "http://127.0.0.1:9/")], b""),
    "garbage": send_garbage,
}
AFTER: Final[Mapping[str, Fault]] = {  # the server does it; the answer is lost or damaged
    "reset after": faults.reset_after,
    "cut": faults.cut_answer(0.5),
    "truncated": change_answer(lambda content: content[: len(content) // 2]),
    "empty": change_answer(lambda content: b""),
    "502 after": answer_after(502),
    "500 after": answer_after(500),
    "hang after": faults.hang_after(HANG_SECONDS),
    "drip": drip_answer,
    "bad gzip": change_answer(lambda content: gzip.compress(content)[:-9], ("Content-Encoding", "gzip")),
}
IN_SESSION: Final[Mapping[str, Fault]] = {  # a login that is answered with 403 is a ban, and rightly ends all tries
    "403 before": faults.answer_with_status(403, "Forbidden", "text/plain"),
    "no cookie": lose_cookie,
}
ON_MUTATIONS: Final[Mapping[str, Fault]] = {
    "not done": faults.answer_with_status(200, "Ok.", "text/plain"),
    "done twice": send_twice,
    "done late": send_late,
}
SLOW: Final = ("hang before", "hang after", "drip", "done late")  # rarer, for the time they take
ANSWER_ARRIVES: Final = (None, "drip")  # to a login: the client knows what the server has said
HALF_OF_THE_ROWS: Final = "half of the rows"
SENSELESS_VALUE: Final = "senseless value"


@dataclass
class FaultScript:
    """Chooses the requests that fail, and how; always the same for the same seed and the same requests.

    `pattern`: "none", "single", "scattered", "burst" or "kind" (one fault again and again), for requests of `target`.
    """

    dice: Random
    pattern: str
    target: str
    first: int = 0
    kind: str | None = None
    count: int = field(default=0, init=False)
    lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @classmethod
    def no_faults(cls) -> FaultScript:
        """Return a script without faults."""
        return cls(Random(0), "none", "any")

    @classmethod
    def draw(cls, dice: Random) -> FaultScript:
        """Return a script at random."""
        pattern = dice.choice(["none", "single", "single", "scattered", "burst", "kind"])
        target = dice.choice(["any", "reads", "logins", "mutations", "mutations"])
        kind = dice.choice([*BEFORE, *AFTER, *ON_MUTATIONS]) if pattern == "kind" else None
        return cls(Random(dice.random()), pattern, target, dice.randint(1, 8), kind)

    def __str__(self) -> str:
        words = {"none": "no faults", "kind": f"{self.kind} on some {self.target}"}
        return words.get(self.pattern, f"{self.pattern} from {self.first} on {self.target}")

    def choose(self, endpoint: str) -> tuple[str, Fault] | None:
        """Return the fault that the next request meets, with its name."""
        with self.lock:
            if self.pattern == "none" or not self._is_target(endpoint):
                return None
            self.count += 1
            is_hit = {
                "single": self.count == self.first,
                "burst": self.first <= self.count < self.first + 3,
                "scattered": self.dice.random() < 0.15,
                "kind": self.dice.random() < 0.2,
            }[self.pattern]
            return self._draw_fault(endpoint) if is_hit else None

    def _is_target(self, endpoint: str) -> bool:
        return self.target in ("any", _classify(endpoint))

    def _draw_fault(self, endpoint: str) -> tuple[str, Fault] | None:
        kind = _classify(endpoint)
        choice: dict[str, Fault] = {**BEFORE, **AFTER}
        if kind != "logins":
            choice |= IN_SESSION
        if kind == "mutations":
            choice |= ON_MUTATIONS
        if kind == "reads":
            choice[HALF_OF_THE_ROWS] = change_answer(keep_half)
            choice[SENSELESS_VALUE] = change_answer(put_senseless_value(self.dice))
        if self.kind:
            return (self.kind, choice[self.kind]) if self.kind in choice else None
        names = list(choice)
        (name,) = self.dice.choices(names, [0.3 if name in SLOW else 1 for name in names])
        return name, choice[name]


def _classify(endpoint: str) -> str:
    if endpoint.startswith("auth/"):
        return "logins"
    return "reads" if READ_ENDPOINTS.fullmatch(endpoint) else "mutations"
