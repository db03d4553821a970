"""A pytest plugin: say how many seconds of CPU the tests of each folder take, with their servers and commands.

`--cpu-seconds` turns it on. It shows which folder has become slow, also on a busy machine, where the time that passes
says little; no test fails because of it. What starts the workers and collects the tests is not in it.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import commands

MAX_SECONDS: Final = 25  # of the tests of a folder that need no server: 15 s on two cores, with start and collection
_OUTPUT: Final = "cpu seconds"  # of a worker
_SERVER_FIXTURES: Final = frozenset({"make_server", "servers", "subject"})
_Seconds = dict[str, list[float]]  # of the tests of a folder: without servers, with them
_SECONDS: Final = pytest.StashKey[_Seconds]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--cpu-seconds`."""
    parser.addoption("--cpu-seconds", action="store_true", help="say how much CPU time the tests of each folder take")


def pytest_configure(config: pytest.Config) -> None:
    """Begin at none."""
    config.stash[_SECONDS] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Add the CPU time of a test to that of its folder."""
    if not item.config.getoption("--cpu-seconds"):
        return (yield)
    begun = _measure_cpu()
    result = yield
    has_server = not _SERVER_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
    _add_seconds(item.config, _find_folder(item), has_server, _measure_cpu() - begun)
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the seconds of a worker."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output[_OUTPUT] = session.config.stash[_SECONDS]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the seconds of a worker. One that died says none."""
    for folder, seconds in getattr(node, "workeroutput", {}).get(_OUTPUT, {}).items():
        for has_server in (False, True):
            _add_seconds(node.config, folder, has_server, seconds[has_server])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List the folders, those with the most CPU time first, and name those with too much."""
    if not config.stash[_SECONDS]:
        return
    terminalreporter.section("CPU seconds of the tests without a server, and of those with one")
    for folder, (without, with_server) in sorted(config.stash[_SECONDS].items(), key=lambda pair: -sum(pair[1])):
        note = f"  more than {MAX_SECONDS} without a server" if without > MAX_SECONDS else ""
        terminalreporter.line(f"{folder:<12} {without:7.1f} {with_server:7.1f}{note}")


def _add_seconds(config: pytest.Config, folder: str, has_server: bool, seconds: float) -> None:
    config.stash[_SECONDS].setdefault(folder, [0.0, 0.0])[has_server] += seconds


def _find_folder(item: pytest.Item) -> str:
    tests = Path(__file__).parents[1]
    return item.path.relative_to(tests).parts[0] if item.path.is_relative_to(tests) else item.path.parent.name


def _measure_cpu() -> float:
    """Return the seconds of CPU of this process, of its children that have ended, and of its commands."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    if pid := commands.get_fork_server_id():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        seconds += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return seconds
