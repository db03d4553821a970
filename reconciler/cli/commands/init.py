"""`reconcile init`: write a first desired state for a qBittorrent, and declare the torrents that it has."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.cli import console, logs, prompts
from reconciler.cli.progress import ProgressBars
from reconciler.cli.run_context import open_login_memory
from reconciler.cli.settings import DEFAULT_FILE, CommandFailure, Settings
from reconciler.cli.signals import StopSignals
from reconciler.model.lazy_dataclass import dataclass
from reconciler.report.text.lines import Style, make_line
from reconciler.report.text.problems import format_count
from reconciler.waits import track_wait

if TYPE_CHECKING:
    from reconciler.engine.context import RunContext
    from reconciler.model.desired import DesiredState, Instance

DEFAULT_URL: Final = "http://127.0.0.1:8080"
DEFAULT_USERNAME: Final = "admin"
DEFAULT_NAME: Final = "home"
_TORRENTS_FILE_NAME: Final = "torrents.yaml"
_SCHEMA_FILE_NAME: Final = "desired-state.schema.json"
_VARIABLE: Final = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")


@dataclass(frozen=True, slots=True)
class InitSettings:
    """The options of `init`. None: to be asked. `with_import`: declare the torrents of the instance."""

    out_file: Path = DEFAULT_FILE
    name: str = DEFAULT_NAME
    owner: str | None = None
    url: str | None = None
    username: str | None = None
    password_variable: str | None = None
    password_file: Path | None = None
    with_import: bool | None = None
    offline: bool = False
    assume_yes: bool = False

    @property
    def default_variable(self) -> str:
        """The variable of the password where nothing else is said."""
        return re.sub(r"\W", "_", self.name, flags=re.ASCII).upper() + "_PASSWORD"

    @property
    def torrents_file(self) -> Path:
        """The file for the torrents that the instance has."""
        return self.out_file.parent / _TORRENTS_FILE_NAME


@dataclass(frozen=True, slots=True)
class _Discovery:
    """The instance as the first connection shows it. `owned`: its torrents that have the tag of the owner already."""

    url: str
    version: str
    web_api: str
    torrents: int
    owned: int


def init_command(settings: Settings, options: InitSettings) -> int:
    """Write a first desired state, after the connection was tried. Return the exit code."""
    logs.configure(settings)
    _check_target(options)
    _require_answers(options)
    options = _complete_answers(options)
    text = render_first_file(options)
    _load_text(settings, options, text, resolve_secrets=False)
    is_set = bool(os.environ.get(options.password_variable or ""))
    with _known_password(options) as is_known:
        discovery = _discover(settings, options, text) if is_known else None
        if discovery:
            _report_instance(options, discovery)
        is_imported = discovery is not None and _should_import(settings, options, discovery)
        _write_files(options, text)
        if options.password_variable and not is_set:
            _note_unset_variable(options.password_variable)
        if is_imported:
            _import_torrents(settings, options)
    _report_next_steps(options, is_imported=is_imported)
    return 0


def _check_target(options: InitSettings) -> None:
    if os.path.lexists(options.out_file):
        raise CommandFailure(f"{options.out_file} exists and is not overwritten. Edit it, or name another --out", 4)
    if not options.out_file.parent.is_dir():
        raise CommandFailure(f"--out: there is no folder {options.out_file.parent}", 4)
    if options.with_import and os.path.lexists(options.torrents_file):
        raise CommandFailure(f"{options.torrents_file} exists and is not overwritten. Move it, or use --no-import", 4)
    if options.with_import and options.offline:
        raise CommandFailure("--import cannot be combined with --offline", 4)


def _require_answers(options: InitSettings) -> None:
    """Raise `CommandFailure` if there is a question and nobody to answer it."""
    if options.assume_yes or prompts.can_ask():
        return
    missing = [flag for flag, value in (("--url", options.url), ("--username", options.username)) if value is None]
    if not (options.password_variable or options.password_file):
        missing.append("--password-env or --password-file")
    if options.with_import is None and not options.offline:
        missing.append("--import or --no-import")
    if missing:
        raise CommandFailure(
            f"standard input is no terminal, so nothing can be asked. Give {', '.join(missing)}; or --yes for the "
            "defaults",
            4,
        )


def _complete_answers(options: InitSettings) -> InitSettings:
    """Return the options with every answer. Raises `CommandFailure` for one that cannot be used."""
    _check_option("--name", options.name, _check_name)
    _check_option("--owner", options.owner or options.name, _check_name)
    url = _answer(options, "--url", options.url, "Address of qBittorrent's Web UI", DEFAULT_URL, _check_url)
    username = _answer(options, "--username", options.username, "User name", DEFAULT_USERNAME, _check_username)
    options = replace(options, url=url, username=username)
    if options.password_variable:
        name = _check_option("--password-env", f"${options.password_variable}", _check_password_place)
        return replace(options, password_variable=name[1:])
    if options.password_file:
        if not options.offline:
            _check_option("--password-file", str(options.password_file), _check_file)
        return options
    default, question = f"${options.default_variable}", "Where its password is: $VARIABLE, or the path of a file"
    place = default if options.assume_yes else prompts.ask(question, default, _check_password_place)
    if place.startswith("$"):
        return replace(options, password_variable=place[1:])
    return replace(options, password_file=Path(place))


def _answer(
    options: InitSettings, flag: str, value: str | None, question: str, default: str, check: Callable[[str], str]
) -> str:
    if value is not None:
        return _check_option(flag, value, check)
    return default if options.assume_yes else prompts.ask(question, default, check)


def _check_option(flag: str, value: str, check: Callable[[str], str]) -> str:
    try:
        return check(value)
    except ValueError as error:
        raise CommandFailure(f"{flag}: {error}", 4) from error


def _check_url(text: str) -> str:
    from reconciler.desired.context import InvalidValue
    from reconciler.desired.schema.common import check_api_url

    try:
        return check_api_url(text)
    except InvalidValue as error:
        raise ValueError(f"{error.message}. {error.hint}") from error


def _check_name(text: str) -> str:
    from reconciler.desired.schema.common import check_plain_name

    return check_plain_name("a name", text)


def _check_username(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("a user name must be text without control characters")
    return text


def _check_password_place(text: str) -> str:
    """Return `$NAME` or the path of a file. Nothing is quoted: it may be the password itself, in the wrong place."""
    if text.startswith("$"):
        variable = _VARIABLE.fullmatch(text)
        if variable is None:
            raise ValueError("the name of a variable may contain only letters, digits and _")
        return f"${variable[1] or variable[2]}"
    return _check_file(text)


def _check_file(text: str) -> str:
    if not os.path.isfile(text):  # noqa: PTH113 - a path with a NUL character is none
        raise ValueError("there is no such file. Give the name of a variable or file, never the password itself")
    return text


def render_first_file(options: InitSettings) -> str:
    """Return the text of a first desired state. It has no list of torrents, so that another file can have it."""
    from reconciler.desired.render.entry import render_value

    if options.password_variable:
        password = {"env": options.password_variable}
    else:
        path = options.password_file or Path()
        relative = os.path.relpath(path.absolute(), options.out_file.parent.absolute())
        password = {"file": str(path) if path.is_absolute() else relative}
    return f"""\
# yaml-language-server: $schema={_SCHEMA_FILE_NAME}
version: 1
owner: {options.owner or options.name}  # its torrents get the tag reconcile:{options.owner or options.name}
policy: upsert  # add and change; "sync" also deletes what is no longer declared
instances:
  {options.name}:
    url: {render_value(options.url)}
    username: {render_value(options.username)}
    password: {render_value(password)}
"""


def _load_text(settings: Settings, options: InitSettings, text: str, *, resolve_secrets: bool) -> DesiredState:
    """Load the desired state before it is written. Raises `CommandFailure`."""
    from reconciler.cli.loading import make_permissions
    from reconciler.desired import DesiredStateError, load

    try:
        return load(
            [options.out_file],
            os.environ,
            resolve_secrets=resolve_secrets,
            texts={options.out_file: text},
            permissions=make_permissions(settings),
        )
    except DesiredStateError as error:
        details = [f"{problem.message}. {problem.hint}" for problem in error.problems]
        message = "these answers make no valid desired state; nothing was written"
        raise CommandFailure(message, 4, detail_lines=details) from error


@contextmanager
def _known_password(options: InitSettings) -> Iterator[bool]:
    """Context in which the password is known, asked for if its variable is not set; False: nobody knows it."""
    variable = options.password_variable
    if options.offline or variable is None or os.environ.get(variable):
        yield not options.offline
        return
    if not prompts.can_ask():
        raise CommandFailure(
            f"the variable {variable} with the password is not set, so nothing was written. Set it, name a file with "
            "--password-file, or use --offline",
            4,
        )
    console.print_stderr(make_line(f"{variable} is not set here."))
    password = prompts.ask_secret("Password, to try the connection (not shown, not stored; Enter to go on without)")
    if not password:
        yield False
        return
    os.environ[variable] = password
    try:
        yield True
    finally:
        del os.environ[variable]


def _discover(settings: Settings, options: InitSettings, text: str) -> _Discovery | None:
    """Connect once. Return None if nothing answers and a person wants the file all the same."""
    from reconciler.engine.context import RunContext
    from reconciler.model.errors import AuthenticationError, BannedError, InstanceError, StopRequested
    from reconciler.retry import system_retry_policy

    desired = _load_text(settings, options, text, resolve_secrets=True)
    with StopSignals() as stopping, ProgressBars(settings):
        logins = open_login_memory(settings, is_requested=True)
        context = RunContext(stopping.event, system_retry_policy(stopping.event), logins=logins)
        try:
            return _read_instance(desired.instances[options.name], desired.owner, context)
        except StopRequested as error:
            raise CommandFailure("stopped; nothing was written", stopping.exit_code or 1) from error
        except (AuthenticationError, BannedError) as error:
            raise CommandFailure(f"nothing was written, after one attempt: {error}", 1) from error
        except InstanceError as error:
            failure = error
    if options.assume_yes or not prompts.can_ask():
        message = "nothing was written; --offline writes the file without a connection"
        raise CommandFailure(f"{message}. {failure}", 1)
    console.print_stderr(make_line(("error: ", Style.DELETE), str(failure)))
    if not prompts.ask_yes_or_no(f"Write {options.out_file} all the same?", default=False):
        raise CommandFailure("nothing was written", 1)
    return None


def _read_instance(instance: Instance, owner: str, context: RunContext) -> _Discovery:
    """Read an instance, with one attempt. Raises `InstanceError`."""
    from reconciler.model.tags import build_owner_tag

    session = context.make_session(instance)
    try:
        with track_wait("reading", instance.name):
            session.open()
            snapshot = session.read_snapshot()
        owned = sum(build_owner_tag(owner) in torrent.tags for torrent in snapshot.torrents)
        return _Discovery(instance.shown_url, snapshot.version, snapshot.web_api, len(snapshot.torrents), owned)
    finally:
        session.close()


def _write_files(options: InitSettings, text: str) -> None:
    """Write the desired state, and beside it the schema that it names for editors, unless there is one."""
    from reconciler.desired.edit import SaveError, create_file
    from reconciler.desired.json_schema import format_json_schema

    schema_file = options.out_file.parent / _SCHEMA_FILE_NAME
    has_schema = os.path.lexists(schema_file)
    try:
        create_file(options.out_file, text.encode(), private=False)
        if not has_schema:
            create_file(schema_file, format_json_schema().encode(), private=False)
    except SaveError as error:
        raise CommandFailure(str(error), 1) from error
    lines = [make_line((str(options.out_file), Style.STRONG), ": written")]
    if not has_schema:
        lines.append(make_line((str(schema_file), Style.STRONG), ": written, for editors"))
    console.write_report_lines(lines)


def _report_instance(options: InitSettings, discovery: _Discovery) -> None:
    server = f"qBittorrent {discovery.version}, Web API {discovery.web_api}"
    counts = format_count(discovery.torrents, "torrent")
    line = make_line((options.name, Style.STRONG), f": connected to {discovery.url}: {server}, {counts}")
    console.write_report_lines([line])
    if discovery.owned:
        owner = options.owner or options.name
        console.print_stderr(
            make_line(
                ("note: ", Style.CHANGE),
                f"{format_count(discovery.owned, 'torrent')} with the tag reconcile:{owner} will be managed by this "
                "desired state. If another one manages them, choose another --owner",
            )
        )


def _should_import(settings: Settings, options: InitSettings, discovery: _Discovery) -> bool:
    """Return True if the torrents of the instance are to be declared, which is asked if no option says so."""
    if not discovery.torrents or options.with_import is False:
        return False
    file = options.torrents_file
    if os.path.lexists(file):
        console.print_warning(settings, f"{file} exists already, so the torrents are not imported into it")
        return False
    counts = format_count(discovery.torrents, "torrent")
    question = f"Declare the {counts} that it has in {file}?"
    return options.with_import or options.assume_yes or prompts.ask_yes_or_no(question, default=True)


def _import_torrents(settings: Settings, options: InitSettings) -> None:
    """Declare the torrents of the instance in a file that the desired state includes."""
    from reconciler.cli.commands.import_ import ImportSettings, import_command

    import_settings = replace(settings, files=(options.out_file,), instances=())
    import_command(import_settings, ImportSettings(out_file=options.torrents_file, include=True))


def _note_unset_variable(name: str) -> None:
    text = f"{name} is not set here. Set it: read -rs {name}; export {name}"
    console.write_report_lines([make_line(("note: ", Style.CHANGE), text)])


def _report_next_steps(options: InitSettings, *, is_imported: bool) -> None:
    words = [] if options.out_file == DEFAULT_FILE else ["-f", str(options.out_file)]
    command = shlex.join(["reconcile", *words])
    lines = []
    if not is_imported:  # else the import has said so
        add = shlex.join(["reconcile", "add", *words])
        lines = [
            make_line(("next: ", Style.DIM), f"{add} MAGNET, to declare a torrent"),
            make_line(("then: ", Style.DIM), f"{command} --dry-run, to see what a run would do"),
        ]
    lines.append(make_line(("then: ", Style.DIM), f"{command}, to do it; with --watch, to keep it so"))
    console.write_report_lines(lines)
