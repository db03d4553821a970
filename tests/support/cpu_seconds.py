"""A pytest plugin: say how many seconds of CPU the tests of each folder take, with their servers and commands.

`--cpu-seconds` turns it on. It shows which folder has become slow, also on a busy machine, where the time that passes
says little; no test fails because of it. What starts the workers and collects the tests is not in it.
"""

from __future__ import annotations

import os
import resource
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from tests.support import commands

MAX_SECONDS: Final = 25  # of the tests of a folder that need no server: 15 s on two cores, with start and collection
_PROPERTY: Final = "cpu seconds"
_SERVER_FIXTURES: Final = frozenset({"make_server", "servers", "subject"})
_BEGUN: Final = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--cpu-seconds`."""
    parser.addoption("--cpu-seconds", action="store_true", help="say how much CPU time the tests of each folder take")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember the CPU time before a test."""
    if item.config.getoption("--cpu-seconds"):
        item.stash[_BEGUN] = _measure_cpu()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the CPU time of a test, and its folder, to its last report."""
    report = yield
    if call.when == "teardown" and item.config.getoption("--cpu-seconds"):
        has_server = not _SERVER_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
        seconds = _measure_cpu() - item.stash[_BEGUN]
        report.user_properties.append((_PROPERTY, [_find_folder(item), has_server, seconds]))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the folders, those with the most CPU time first, and name those with too much."""
    seconds_by_folder: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])  # without servers, with them
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        for name, value in getattr(report, "user_properties", ()):
            if name == _PROPERTY:
                folder, has_server, seconds = value
                seconds_by_folder[folder][has_server] += seconds
    if not seconds_by_folder:
        return
    terminalreporter.section("CPU seconds of the tests without a server, and of those with one")
    for folder, (without, with_server) in sorted(seconds_by_folder.items(), key=lambda pair: -sum(pair[1])):
        note = f"  more than {MAX_SECONDS} without a server" if without > MAX_SECONDS else ""
        terminalreporter.line(f"{folder:<12} {without:7.1f} {with_server:7.1f}{note}")


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
