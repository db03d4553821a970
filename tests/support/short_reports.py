"""A pytest plugin: a worker says one thing about a test that passes, and not five.

pytest-xdist sends the begin, the setup, the call, the teardown and the end of each test. Thousands of tests take less
than these messages, which both processes take apart piece by piece in Python. Nothing reads them unless a setup or a
teardown fails (then it is sent), or `--durations` or `-v` asks for them (then all are). Nothing reads the keywords of
a test that passed either, which are half of its report.
"""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test of a worker and report its call, and all else that did not pass. Return None elsewhere."""
    options = item.config.option
    if not hasattr(item.config, "workerinput") or options.verbose > 0 or options.durations is not None:
        return None
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        if report.passed:
            report.keywords = {}
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    return True
