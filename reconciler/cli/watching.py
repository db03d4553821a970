"""The main command with --watch: load, then run until asked to stop."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from reconciler.cli import logs, out
from reconciler.cli.loading import files_of, invalid
from reconciler.cli.notifying import notifiers
from reconciler.cli.out import warn
from reconciler.cli.remembering import journal_of
from reconciler.cli.settings import Failure, Output, RunSettings, Settings
from reconciler.cli.signals import Stopping, on_hangup
from reconciler.model.errors import Stopped

if TYPE_CHECKING:
    from reconciler.control.watch import Source
    from reconciler.web import Board

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

    from reconciler.cli.telling import Teller
    from reconciler.control import Options
    from reconciler.control.watch import Cause, FileWatch, Trigger, Watch

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
        out.check_report_path(options.report)


def source_of(settings: Settings, stop: threading.Event) -> Source:
    """The files, read once; what is wrong or doubtful in them is said. Raises `Failure`, or `Stopped`."""
    from reconciler.control.run import UnknownInstance, chosen
    from reconciler.control.watch import Source
    from reconciler.desired import DesiredStateError
    from reconciler.fetch import Fetcher

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
    from reconciler.control.run import chosen
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
