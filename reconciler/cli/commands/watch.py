"""The main command with --watch: load, then run until asked to stop."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from reconciler.cli import console, logs
from reconciler.cli.commands.history import journal_of
from reconciler.cli.console import warn
from reconciler.cli.loading import files_of, invalid
from reconciler.cli.settings import Failure, Output, RunSettings, Settings
from reconciler.cli.signals import Stopping, on_hangup
from reconciler.model.errors import Stopped
from reconciler.model.secret import Secret

if TYPE_CHECKING:
    from reconciler.notify import Notifier
    from reconciler.watch import Source
    from reconciler.web import Board


def notifiers(options: RunSettings, interval: float) -> list[Notifier]:
    """The observer that notifies, or none where nobody asked for it. Raises `Failure` for an address of no use."""
    given = [("--notify", url) for url in options.notify]
    if options.notify_file:
        given += [("--notify-file", url) for url in _listed(options.notify_file)]
    if not given:
        return []
    from reconciler.notify import BadAddress, Notifier, address
    from reconciler.report.notification import letter

    addresses = []
    for option, url in given:
        try:
            addresses.append(address(url))
        except BadAddress as error:
            raise Failure(f"{option}: {error}", 4) from None
    return [Notifier(addresses, letter, interval)]


def _listed(path: Path) -> list[Secret]:
    """The addresses in a file: one a line, empty lines and those that begin with # left out."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except OSError as error:
        raise Failure(f"--notify-file: {path}: {error.strerror or error}", 4) from error
    except UnicodeDecodeError:
        raise Failure(f"--notify-file: {path} is not UTF-8 text", 4) from None
    found = [Secret(line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise Failure(f"--notify-file: {path} holds no address", 4)
    return found


LEAVE_AFTER: Final = 3.0  # seconds after being asked to stop: log out past a request that does not end
END_AFTER: Final = 4.5  # seconds: end, whatever is still under way


def watch_command(settings: Settings, options: RunSettings) -> int:
    """Run until SIGTERM or SIGINT, which end it with 0."""
    _check(settings, options)
    interval = options.interval or 60.0
    notifying = notifiers(options, interval)
    gc.enable()  # a short command goes without; this one is here to stay
    logs.configure(settings, always=True)
    import structlog

    from reconciler.cli.commands.watch_log import Teller
    from reconciler.engine import Options
    from reconciler.watch import Cause, FileWatch, Trigger, Watch

    trigger = Trigger()
    with Stopping(trigger.wake) as stopping, on_hangup(lambda: trigger.fire(Cause.SIGNAL)):
        stop = stopping.event
        try:
            source = source_of(settings, stop)
        except Stopped:
            return 0
        with ExitStack() as ending:
            deadline = ending.enter_context(_Deadline(stop))
            board = ending.enter_context(_served(settings, options, interval, lambda: trigger.fire(Cause.RELOAD)))
            for notifier in notifying:
                ending.callback(notifier.close)
            watch = Watch(
                source,
                Options(
                    options.dry_run, settings.instances, options.accept_plan, options.take_over, shard=options.shard
                ),
                interval,
                trigger,
                stop,
                observers=[Teller(settings, options), *([board] if board else []), *notifying],
                progress=board.pulse if board else None,
                journal=journal_of(settings, structlog.get_logger().warning),
            )
            FileWatch(source.files, source.read_as, lambda: trigger.fire(Cause.FILES), stop).start()
            deadline.leave = watch.leave
            watch.run()
    return 0


def _check(settings: Settings, options: RunSettings) -> None:
    if settings.output not in (Output.TEXT, Output.JSON):
        raise Failure(f"a watch has no {settings.output} form, only text and json", 4)
    if options.detailed_exitcode:
        raise Failure("--detailed-exitcode is for a single run: a watch that is asked to stop exits 0", 4)
    if options.wait:
        raise Failure("--wait is for a single run: a watch places what is pending as soon as it can", 4)
    if options.report:
        console.check_report_path(options.report)


def source_of(settings: Settings, stop: threading.Event) -> Source:
    """The files, read once; what is wrong or doubtful in them is said. Raises `Failure`, or `Stopped`."""
    from reconciler.desired import DesiredStateError
    from reconciler.engine.selection import UnknownInstance, chosen
    from reconciler.fetch import Fetcher
    from reconciler.watch import Source

    try:
        source = Source(files_of(settings), os.environ, Fetcher(stop))
        chosen(source.desired, settings.instances)
    except DesiredStateError as error:
        raise invalid(error.problems) from error
    except UnknownInstance as error:
        raise Failure(str(error), 4) from error
    warn(settings, source.desired.warnings)
    return source


@contextmanager
def _served(
    settings: Settings, options: RunSettings, interval: float, reload: Callable[[], None]
) -> Iterator[Board | None]:
    """The board that is served over HTTP meanwhile, where `--listen` asks for it."""
    if options.listen is None:
        if options.token_file:
            raise Failure("--token-file is for requests over HTTP: give --listen with it", 4)
        yield None
        return
    from reconciler.engine.selection import chosen
    from reconciler.web import Board, ListenError, TokenError, read_token, serve

    board = Board(
        interval, settings.instances, ours=lambda desired: [one.name for one in chosen(desired, (), options.shard)]
    )
    try:
        token = partial(read_token, options.token_file) if options.token_file else None
        if token:
            token()  # what is of no use is said now
        server = serve(board, options.listen, reload, token)
    except (ListenError, TokenError) as error:
        raise Failure(str(error), 4) from error
    with server:
        yield board


class _Deadline:
    """While it is entered: ends the process in time after `stop`, even where a request never ends."""

    def __init__(self, stop: threading.Event) -> None:
        self.leave: Callable[[], None] = lambda: None
        self._stop = stop
        self._done = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._guard, name="deadline", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def _guard(self) -> None:
        self._stop.wait()
        if self._done.wait(LEAVE_AFTER):
            return
        threading.Thread(target=self.leave, name="leave", daemon=True).start()
        if not self._done.wait(END_AFTER - LEAVE_AFTER):
            os._exit(0)
