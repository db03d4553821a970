"""The main command with `--watch`: load, then reconcile until a signal stops it."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from reconciler.cli import console, logs
from reconciler.cli.commands.run import make_run_options, render_command_line
from reconciler.cli.loading import (
    failure_from_problems,
    find_desired_files,
    make_fetcher,
    make_permissions,
    print_warnings,
)
from reconciler.cli.run_context import find_state_dir, open_journal
from reconciler.cli.settings import CommandFailure, OutputFormat, RunSettings, Settings
from reconciler.cli.signals import StopSignals
from reconciler.model.errors import StopRequested
from reconciler.model.links import redact_path
from reconciler.model.secret import Secret
from reconciler.regular_file import MAX_SMALL_FILE_BYTES, read_regular_file

if TYPE_CHECKING:
    from reconciler.desired import BeginReading
    from reconciler.intake import IntakeStore
    from reconciler.model.history import History
    from reconciler.model.intake import Intake
    from reconciler.model.rows import LiveRows
    from reconciler.notify import Notifier
    from reconciler.qbittorrent import LoginMemory
    from reconciler.qbittorrent.delta_risks import DeltaRisks
    from reconciler.watch import DesiredSource, LiveRowReader, SuspensionBook, TriggerQueue
    from reconciler.web import LoopControls, StatusBoard


DEFAULT_INTERVAL: Final = 60.0  # seconds
FETCH_PATIENCE: Final = 15.0  # seconds for the downloads of a load; a thread tries the others again
LOGOUT_AFTER: Final = 3.0  # seconds after a stop signal: log out, although a request has not ended
EXIT_AFTER: Final = 4.5  # seconds after a stop signal: exit, whatever has not ended


def watch_command(settings: Settings, options: RunSettings) -> int:
    """Reconcile until SIGTERM or SIGINT, which is exit code 0."""
    _check_options(settings, options)
    interval = options.interval or DEFAULT_INTERVAL
    notifiers = make_notifiers(options, interval)
    logs.configure(settings, always=True)
    import structlog

    from reconciler.cli.commands.watch_log import WatchLog
    from reconciler.engine.context import connect_incremental
    from reconciler.engine.early_sessions import EarlySessions
    from reconciler.engine.events import RunTrigger, SilentProgress
    from reconciler.intake import IntakeSettler
    from reconciler.qbittorrent import LoginMemory
    from reconciler.qbittorrent.delta_risks import DeltaRisks
    from reconciler.retry import utc_now
    from reconciler.watch import (
        CollectorStarter,
        FileWatcher,
        MemoryReleaser,
        RegistrationThread,
        SuspensionBook,
        TriggerQueue,
        WatchContext,
        WatchLoop,
    )

    trigger = TriggerQueue()
    with StopSignals(trigger.wake, on_hangup=lambda: trigger.request_run(RunTrigger.SIGNAL)) as stopping:
        stop = stopping.event
        warn = structlog.get_logger().warning
        journal = open_journal(settings, warn)
        logins, delta_risks = LoginMemory(journal, is_requested=options.retry_login), DeltaRisks()
        run_options = make_run_options(settings, options)
        with ExitStack() as stack:
            sessions = stack.enter_context(
                EarlySessions(partial(connect_incremental, logins=logins, delta_risks=delta_risks), run_options, stop)
            )
            try:
                source = _read_desired_source(
                    settings, stop, read_only=options.dry_run, warn=warn, begin_reading=sessions.begin
                )
                intake = _open_intake(source, options, trigger)
                print_warnings(settings, source.desired)
            except StopRequested:
                return 0
            deadline = stack.enter_context(_ShutdownDeadline(stop))
            rows = _make_live_rows(source, stop, logins, delta_risks) if options.listen else None
            if rows:
                stack.callback(rows.close)
            suspensions = SuspensionBook(journal, utc_now)
            suspensions.restore(source.desired.owner)
            board = stack.enter_context(
                _serve_status_board(settings, options, source, trigger, suspensions, rows, intake)
            )
            for notifier in notifiers:
                stack.callback(notifier.close)
            watch = WatchLoop(
                source,
                run_options,
                interval,
                trigger,
                WatchContext(
                    stop,
                    sessions.connect,
                    listeners=[
                        WatchLog(settings, options),
                        *([board] if board else []),
                        *([rows] if rows else []),
                        *([IntakeSettler(intake)] if intake else []),
                        *notifiers,
                        CollectorStarter(),  # `main` switched the collector off
                        MemoryReleaser(),
                    ],
                    progress=board.progress if board else SilentProgress(),
                    journal=journal,
                    suspensions=suspensions,
                ),
            )
            FileWatcher(
                source.list_files, source.read_fingerprints, lambda: trigger.request_run(RunTrigger.FILES), stop
            ).start()
            if board:
                RegistrationThread(lambda: source.desired, stop).start()
            deadline.log_out = watch.close_sessions
            watch.run()
    return 0


def _check_options(settings: Settings, options: RunSettings) -> None:
    if settings.output not in (OutputFormat.TEXT, OutputFormat.JSON):
        raise CommandFailure(f"--watch does not support --output {settings.output}. Use text or json", 4)
    if options.detailed_exitcode:
        raise CommandFailure(
            "--detailed-exitcode cannot be combined with --watch, which exits with 0 when it is stopped", 4
        )
    given = {"--expect-plan": options.expect_plan, "--out": options.out, "--live": options.live}
    for option in (option for option, value in given.items() if value):
        raise CommandFailure(f"{option} cannot be combined with --watch, which makes many plans", 4)
    if options.wait:
        raise CommandFailure(
            "--wait cannot be combined with --watch, which places pending torrents as soon as it can", 4
        )
    if options.report:
        console.check_output_path(options.report, "--report")


def make_notifiers(options: RunSettings, interval: float) -> list[Notifier]:
    """Return the notifier, or nothing if there are no URLs. Raises `CommandFailure` for a URL that cannot be used."""
    urls = [("--notify", url) for url in options.notify]
    if options.notify_file:
        urls += [("--notify-file", url) for url in _read_urls(options.notify_file)]
    if not urls:
        return []
    from reconciler.notify import InvalidNotificationUrl, Notifier, make_sender
    from reconciler.report.notification import build_notification

    senders = []
    for option, url in urls:
        try:
            senders.append(make_sender(url))
        except InvalidNotificationUrl as error:
            raise CommandFailure(f"{option}: {error}", 4) from None
    return [Notifier(senders, build_notification, interval)]


def _read_urls(path: Path) -> list[Secret]:
    """Read notification URLs, one per line, without empty lines and comments (#). Raises `CommandFailure`."""
    shown_path = redact_path(str(path))  # somebody may have given a URL itself
    try:
        text = read_regular_file(path, MAX_SMALL_FILE_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise CommandFailure(f"--notify-file: {shown_path}: {error.strerror or type(error).__name__}", 4) from error
    except UnicodeDecodeError:
        raise CommandFailure(f"--notify-file: {shown_path} is not UTF-8 text", 4) from None
    lines = map(str.strip, text.splitlines())
    urls = [Secret(line) for line in lines if line and not line.startswith("#")]
    if not urls:
        raise CommandFailure(f"--notify-file: {shown_path} contains no URL", 4)
    return urls


def open_desired_source(settings: Settings, stop: threading.Event) -> DesiredSource:
    """Read the files once and print their warnings. Raises `CommandFailure` or `StopRequested`."""
    source = _read_desired_source(settings, stop, read_only=True)
    print_warnings(settings, source.desired)
    return source


def _read_desired_source(
    settings: Settings,
    stop: threading.Event,
    *,
    read_only: bool,
    warn: Callable[[str], None] | None = None,
    begin_reading: BeginReading | None = None,
) -> DesiredSource:
    """Read the files once. Raises `CommandFailure` or `StopRequested`.

    `read_only`: what is fetched is not kept for later runs. `warn`: see `make_fetcher`. `begin_reading`: see `load`.
    """
    from reconciler.desired import DesiredStateError
    from reconciler.engine.selection import UnknownInstance, select_instances
    from reconciler.watch import DesiredSource

    try:
        source = DesiredSource(
            find_desired_files(settings),
            os.environ,
            make_fetcher(settings, stop, read_only=read_only, patience=FETCH_PATIENCE, warn=warn),
            permissions=make_permissions(settings),
            begin_reading=begin_reading,
        )
        select_instances(source.desired, settings.instances)
    except DesiredStateError as error:
        raise failure_from_problems(error.problems) from error
    except UnknownInstance as error:
        raise CommandFailure(str(error), 4) from error
    return source


def _open_intake(source: DesiredSource, options: RunSettings, trigger: TriggerQueue) -> IntakeStore | None:
    """Return the intake; None for a dry-run, which writes nothing. Raises `CommandFailure`."""
    from reconciler.cli.commands.watch_intake import check_gateway, open_intake

    check_gateway(source, options)
    return None if options.dry_run else open_intake(source, trigger)


def _make_live_rows(
    source: DesiredSource, stop: threading.Event, logins: LoginMemory, delta_risks: DeltaRisks
) -> LiveRowReader:
    """Return what reads the torrents of all instances for the clients of `--listen`. It sends nothing until asked."""
    import structlog

    from reconciler.qbittorrent.row_feed import RowFeed
    from reconciler.retry import system_clock
    from reconciler.watch import LiveRowReader

    warn = structlog.get_logger().warning
    open_feed = partial(RowFeed, stop=stop, logins=logins, delta_risks=delta_risks, warn=warn)
    return LiveRowReader(lambda: source.desired, open_feed, system_clock())


@contextmanager
def _serve_status_board(
    settings: Settings,
    options: RunSettings,
    source: DesiredSource,
    trigger: TriggerQueue,
    suspensions: SuspensionBook,
    rows: LiveRows | None,
    intake: Intake | None = None,
) -> Iterator[StatusBoard | None]:
    """Context in which the status board of `--listen` is served over HTTP. Without `--listen`, None."""
    if options.listen is None:
        given = {
            "--token-file": options.token_file,
            "--public-read": options.public_read,
            "--peer": options.peers,
        }
        for option in (option for option, value in given.items() if value):
            raise CommandFailure(f"{option} requires --listen", 4)
        yield None
        return
    from reconciler.engine.events import RunTrigger
    from reconciler.engine.selection import select_instances
    from reconciler.queries.explain_run import explain_run
    from reconciler.retry import system_clock
    from reconciler.web import ListenError, StatusBoard, TokenError, WebContext, read_token, serve
    from reconciler.web.client import InvalidLoopUrl
    from reconciler.web.peers import PeerReader, check_peer_urls

    loop_id = secrets.token_hex(8)
    board = StatusBoard(
        options.interval or DEFAULT_INTERVAL,
        settings.instances,
        select_instances=lambda desired: [instance.name for instance in select_instances(desired, (), options.shard)],
        loop_id=loop_id,
        shard=str(options.shard or ""),
    )
    peers: PeerReader | None = None
    try:
        token = partial(read_token, options.token_file) if options.token_file else None
        if token:
            token()  # a file without a usable token fails now
        if options.peers:
            peers = PeerReader(check_peer_urls(options.peers), loop_id, token, system_clock())
        context = WebContext(
            board,
            get_desired=lambda: source.desired,
            request_reload=lambda: trigger.request_run(RunTrigger.RELOAD),
            read_schema=_read_schema,
            token_reader=token,
            is_public=options.public_read,
            controls=None if options.dry_run else _make_controls(source, trigger, suspensions),
            rows=rows,
            intake=intake,
            history=_open_history(settings),
            command=render_command_line(settings, options),
            explain_run=explain_run,
            peers=peers,
        )
        server = serve(context, options.listen)
    except (InvalidLoopUrl, ListenError, TokenError) as error:
        raise CommandFailure(str(error), 4) from error
    with server:
        yield board
    if peers:
        peers.close()


def _make_controls(source: DesiredSource, trigger: TriggerQueue, suspensions: SuspensionBook) -> LoopControls:
    """Return what the pages can do with the loop. A run begins at once, and shows what has changed."""
    from reconciler.web import LoopControls

    def suspend(instance: str, until: datetime) -> bool:
        is_kept = suspensions.suspend(source.desired.owner, instance, until)
        trigger.request_reload()
        return is_kept

    def resume(instance: str) -> bool:
        is_kept = suspensions.resume(source.desired.owner, instance)
        trigger.request_reload()
        return is_kept

    return LoopControls(trigger.accept_plan, suspend, resume, suspensions.list_suspended)


def _open_history(settings: Settings) -> History | None:
    """Return the past runs in the journal; None if there is no folder for it."""
    from reconciler.journal import JournalHistory

    folder = find_state_dir(settings)
    return JournalHistory(folder) if folder else None


def _read_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of the desired state."""
    from reconciler.desired.json_schema.build import build_json_schema

    return build_json_schema()


class _ShutdownDeadline:
    """Context that ends the process in time after `stop`, even if a request never ends."""

    def __init__(self, stop: threading.Event) -> None:
        self.log_out: Callable[[], None] = lambda: None
        self._stop = stop
        self._has_ended = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._enforce, name="deadline", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._has_ended.set()

    def _enforce(self) -> None:
        self._stop.wait()
        if self._has_ended.wait(LOGOUT_AFTER):
            return
        threading.Thread(target=self.log_out, name="logout", daemon=True).start()
        if not self._has_ended.wait(EXIT_AFTER - LOGOUT_AFTER):
            os._exit(0)
