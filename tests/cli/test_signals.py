"""Stop signals within one process; tests of whole processes are in `test_main.py`."""

from __future__ import annotations

import os
import signal

import pytest

from reconciler.cli.signals import StopSignals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_requests_a_stop_and_is_announced(
    number: signal.Signals, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    wakes: list[bool] = []
    with StopSignals(lambda: wakes.append(True)) as stopping:
        assert stopping.exit_code is None
        signal.raise_signal(number)
        assert stopping.event.wait(5)
    assert stopping.exit_code == code
    assert wakes == [True]
    assert capfd.readouterr().err == "\nstopping after the request in flight; a second signal stops at once\n"


def test_a_caller_that_draws_on_the_terminal_gets_no_announcement(capfd: pytest.CaptureFixture[str]) -> None:
    with StopSignals(announce=False) as stopping:
        signal.raise_signal(signal.SIGTERM)
    assert stopping.exit_code == 143
    assert capfd.readouterr().err == ""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # raised by the stand-in for _exit
def test_the_second_signal_ends_the_process(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    codes: list[int] = []

    def end_thread(code: int) -> None:
        codes.append(code)
        raise SystemExit

    monkeypatch.setattr("reconciler.cli.signals.os._exit", end_thread)
    with StopSignals(announce=False) as stopping:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert codes == [130]
    assert stopping.exit_code == 143, "of the first signal"
    assert capfd.readouterr().err == "stopped at once\n"


def test_the_previous_handlers_are_restored_after_an_error() -> None:
    def fail_within_context() -> None:
        with StopSignals():
            assert signal.getsignal(signal.SIGTERM) != previous
            raise ValueError("broken")

    previous = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="broken"):
        fail_within_context()
    assert signal.getsignal(signal.SIGTERM) == previous


def test_a_hangup_calls_the_function_only_within_the_context() -> None:
    calls: list[bool] = []
    previous = signal.getsignal(signal.SIGHUP)
    with StopSignals(on_hangup=lambda: calls.append(True)) as stopping:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
    assert calls == [True, True]
    assert stopping.exit_code is None
    assert signal.getsignal(signal.SIGHUP) == previous


@pytest.mark.parametrize("blocked", [False, True])
def test_a_stop_that_another_thread_receives_is_noticed_while_the_main_thread_sleeps(blocked: bool) -> None:
    """The kernel chooses the thread: with the signals blocked in the main thread, it is another one for sure."""
    hangups: list[bool] = []
    numbers = (signal.SIGHUP, signal.SIGTERM)
    with StopSignals(on_hangup=lambda: hangups.append(True)) as stopping:
        if blocked:
            signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        try:
            for number in numbers:
                os.kill(os.getpid(), number)
            assert stopping.event.wait(5)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
    assert (hangups, stopping.exit_code) == ([True], 143)
