"""Whatever happens between and during runs: each gets in with at most one login, and few sessions stay open behind it.

Runs overlap, change something, are stopped or killed. The server restarts, or never drops a session by itself. The
clock goes on, the password changes, and the file with the sessions is damaged.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from reconciler.model.secret import Secret
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import KeptSessions, Session
from reconciler.qbittorrent.kept_sessions import FORGET_AGE, MAX_AGE, SESSIONS_FILE_NAME
from tests.support.fake_time import FakeTime
from tests.support.instances import make_instance
from tests.support.magnets import make_magnet
from tests.support.search_effort import take_examples
from tests.support.session_server import SessionServer

MAX_RUNS: Final = 3  # at a time
SERVER: Final = SessionServer()
Step = tuple[str, str]
STEPS: Final[list[Step]] = [  # the more often, the more of a kind
    *[("begin", "")] * 3,
    *(("run", what) for what in (*["read"] * 8, "change", "stop")),
    *((which, what) for which in ("first", "last") for what in ("end", "end", "read", "change", "stop")),
    ("last", "kill"),
    ("overlap", ""),
    *(("wait", str(seconds)) for seconds in (60.0, MAX_AGE + 1, MAX_AGE + 1, MAX_AGE + 1, FORGET_AGE + 1)),
    *(("disturb", what) for what in ("restart", "password", "no file", "[")),
]


@pytest.fixture(autouse=True, scope="module")
def _serve() -> Iterator[None]:
    with SERVER:
        yield


class Process:
    """A run in a process of its own, which has read the instance. `losses`: times that its session was ended."""

    def __init__(self, kept: KeptSessions, password: str) -> None:
        self.password = password
        self.losses = 0
        self.is_alone = True
        self.is_repeated = False
        self.is_stopped = False
        self.must_log_out = False
        self.logins = 0
        self.sessions: set[str] = set()
        self._kept = kept
        self._stop = threading.Event()
        instance = make_instance(SERVER.url, username="admin", password=Secret(password))
        self._session = Session(instance, stop=self._stop, kept_sessions=kept)
        self._session.open()
        self.read()

    def read(self) -> None:
        """Read the instance, and record what the server has seen of this process."""
        assert self._session.read_snapshot().torrents == ()
        self._record_requests()

    def change(self) -> None:
        """Change something."""
        self._session.add_magnets([make_magnet(1)], AddOptions(stopped=True, auto_tmm=False))
        self.must_log_out = True
        self._record_requests()

    def stop(self) -> None:
        """Get a stop signal."""
        self._stop.set()
        self.is_stopped = True
        self.must_log_out = True

    def end(self) -> None:
        """End in order."""
        self._session.close()
        self._kept.__exit__(None, None, None)
        self._record_requests()

    def _record_requests(self) -> None:
        """Take the requests since the last call. Between two of them, no other process sends any."""
        self.logins += sum(endpoint == "auth/login" for endpoint, _ in SERVER.requests)
        self.sessions |= {session for _, session in SERVER.requests if session}
        SERVER.requests.clear()


class Model(RuleBasedStateMachine):
    """`lost` are open sessions that nobody knows of any more; `kept` is the session that the next run must use."""

    def __init__(self) -> None:
        super().__init__()
        SERVER.reset()
        self.folder = Path(tempfile.mkdtemp())
        self.time = FakeTime()
        self.running: list[Process] = []
        self.lost: set[str] = set()
        self.owners: dict[str, str] = {}  # the password with which each session was opened
        self.ended: dict[str, float] = {}  # when a run with this password has ended
        self.is_recorded = False  # that the last run has ended, in the file
        self.kept: str | None = None
        self.is_eternal = False

    @initialize(is_eternal=st.booleans())
    def choose_server(self, is_eternal: bool) -> None:
        """Choose if it drops sessions by itself, and let a run keep one."""
        self.is_eternal = is_eternal
        self.run("read")
        self.run("read")

    @rule(step=st.sampled_from(STEPS))
    def take_step(self, step: Step) -> None:
        """Take the next step, if it is possible now: one rule for all, so that no kind of them prevails."""
        kind, what = step
        if kind == "begin" and len(self.running) < MAX_RUNS:
            self.begin()
        elif kind == "run" and len(self.running) < MAX_RUNS:
            self.run(what)
        elif kind == "overlap" and not self.running:
            self.begin()
            self.run("read")
            self.run("read")
            self.end(self.running[0])
        elif kind in ("first", "last") and self.running:
            self.go_on(self.running[0 if kind == "first" else -1], what)
        elif kind == "wait":
            self.pass_time(float(what))
        elif kind == "disturb":
            self.disturb(what)

    def begin(self) -> None:
        warnings: list[str] = []
        kept = KeptSessions(self.folder, warnings.append, self.time.clock.utc)
        process = Process(kept, SERVER.password)
        process.is_repeated = self.time.moment - self.ended.get(SERVER.password, -math.inf) <= MAX_AGE
        self.check_sessions(process)
        assert process.logins <= 1 and warnings == []
        if not self.running and self.kept in SERVER.open_sessions:
            assert process.logins == 0, "the session of the run before was kept"
        self.kept = None
        self.running.append(process)
        for each in self.running:
            each.is_alone = len(self.running) == 1

    def go_on(self, process: Process, what: str) -> None:
        if what == "end":
            self.end(process)
        elif what == "kill":
            self.lost |= process.sessions
            self.running.remove(process)
            self.forget_file()
        elif what == "stop" or not process.is_stopped:
            getattr(process, what)()
            self.check_sessions(process)

    def run(self, what: str) -> None:
        self.begin()
        self.go_on(self.running[-1], what)
        self.end(self.running[-1])

    def end(self, process: Process) -> None:
        process.end()
        self.running.remove(process)
        assert process.logins <= 1 + process.losses
        kept = process.sessions & SERVER.open_sessions
        if process.must_log_out or not process.is_repeated:
            assert not kept, "it is logged out"
        elif process.is_alone and self.is_recorded and not process.losses:
            assert len(kept) == 1, "it is kept for the next run"
        self.ended[process.password] = self.time.moment
        self.is_recorded = process.is_alone
        self.kept = next(iter(kept), None) if process.password == SERVER.password else None

    def check_sessions(self, process: Process) -> None:
        for session in process.sessions:
            assert self.owners.setdefault(session, process.password) == process.password
        others = [each for each in self.running if each is not process]
        assert not any(process.sessions & each.sessions & SERVER.open_sessions for each in others)

    def pass_time(self, seconds: float) -> None:
        self.time.pass_(seconds)
        if seconds > MAX_AGE and not self.is_eternal:
            self.drop_sessions()
        if seconds > FORGET_AGE:
            self.lost |= self.waiting
            self.kept = None

    def disturb(self, what: str) -> None:
        file = self.folder / SESSIONS_FILE_NAME
        if what == "restart":
            self.drop_sessions()
        elif what != "password":
            file.unlink(missing_ok=True)
            if what != "no file":
                file.write_text(what)
            self.lost |= self.waiting
            self.forget_file()
        elif not self.running:  # on the server and in the desired state; it ends no session
            old = SERVER.password
            SERVER.password = old.removesuffix("x") if old.endswith("x") else old + "x"
            self.kept = None
            self.is_recorded = False

    def forget_file(self) -> None:
        """The sessions that a killed process has taken, or that were in a file that is gone, are lost."""
        self.kept = None
        self.is_recorded = False
        if not (self.folder / SESSIONS_FILE_NAME).exists():
            self.lost |= self.waiting

    def drop_sessions(self) -> None:
        SERVER.open_sessions.clear()
        for process in self.running:
            process.losses += 1

    @property
    def waiting(self) -> set[str]:
        """The open sessions that no process uses now."""
        return SERVER.open_sessions - self.lost - {name for each in self.running for name in each.sessions}

    @invariant()
    def at_most_one_session_waits_for_the_next_run(self) -> None:
        owners = [self.owners[session] for session in self.waiting]
        assert len(owners) == len(set(owners)), "one for each password"

    def teardown(self) -> None:
        for process in list(self.running):
            self.end(process)
        self.at_most_one_session_waits_for_the_next_run()
        shutil.rmtree(self.folder)


TestKeptSessions: Any = Model.TestCase
TestKeptSessions.settings = take_examples(20, steps=40)
