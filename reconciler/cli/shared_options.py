"""The options that commands share: declared once, merged with those before the command's name, given as `Settings`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import wraps
from inspect import Parameter
from types import MappingProxyType
from typing import Any, Final

import typer

from reconciler.cli import option_values, options
from reconciler.cli.option_factories import join_alternatives, make_output_option
from reconciler.cli.settings import CommandFailure, OutputFormat, Settings

TEXT_OR_JSON: Final = (OutputFormat.TEXT, OutputFormat.JSON)
_OPTIONS: Final[Mapping[str, tuple[Any, object]]] = MappingProxyType(
    {
        "file": (options.CommandFileOption, None),
        "instance": (options.CommandInstanceOption, None),
        "state_dir": (options.CommandStateDirOption, None),
        "log_format": (options.CommandLogFormatOption, None),
        "verbose": (options.CommandVerboseOption, False),
        "quiet": (options.CommandQuietOption, False),
    }
)
_LOG_OPTIONS: Final = ("log_format", "verbose", "quiet")  # of every command
_LOAD_OPTIONS: Final = ("secrets_for", "allow_export")  # of every command that loads files; only before its name

Command = Callable[..., int]
TyperCommand = Callable[..., None]


def shared_options(
    *names: str, outputs: Collection[OutputFormat] = TEXT_OR_JSON, before_name: Collection[str] = ()
) -> Callable[[Command], TyperCommand]:
    """Return a decorator for a command that gets the shared options as `settings`, and returns its exit code.

    `names`: some of "file", "output", "instance" and "state_dir"; the options for logs come with every command. The
    main command's options of the same names may be before the command's name, and so may those of `before_name`.
    `outputs`: the formats that the command can print.
    """

    def decorate(command: Command) -> TyperCommand:
        own = dict(inspect.signature(command, eval_str=True).parameters)
        del own["settings"]
        wants_context = own.pop("context", None) is not None
        shared = _make_parameters([*names, *_LOG_OPTIONS], outputs)

        @wraps(command)
        def run(context: typer.Context, **values: Any) -> None:
            settings = _merge_settings(context.obj, {name: values.pop(name) for name in shared})
            if "output" in shared and settings.output not in outputs:
                raise CommandFailure(_unsupported_output_text(context, settings.output, outputs), 4)
            arguments = {"context": context, **values} if wants_context else values
            raise typer.Exit(command(settings=settings, **arguments))

        context_parameter = Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context)
        own_parameters = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in own.values()]
        parameters = [context_parameter, *own_parameters, *shared.values()]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        vars(run)["__signature__"] = inspect.Signature(parameters)
        vars(run)["options_before_name"] = frozenset(
            {*names, *_LOG_OPTIONS, *before_name, *(_LOAD_OPTIONS if "file" in names else ())}
        )
        return run

    return decorate


def get_options_before_name(command: Any) -> Collection[str]:
    """Return the options of the main command that a command also accepts before its name."""
    options_before_name: Collection[str] = getattr(command.callback, "options_before_name", ())
    return options_before_name


def is_on_command_line(context: Any, name: str) -> bool:
    """Return True if the option was written on the command line, not taken from the environment."""
    source = context.get_parameter_source(name) if context else None
    return source is not None and source.name == "COMMANDLINE"


def is_dry_run(context: typer.Context, requested: bool) -> bool:
    """Return True if `--dry-run` was given after the command's name, before it, or in the environment."""
    return requested or bool(context.parent and context.parent.params.get("dry_run"))


def _make_parameters(names: Collection[str], outputs: Collection[OutputFormat]) -> dict[str, Parameter]:
    """Return a parameter for each shared option, as typer reads them."""
    declarations = {**_OPTIONS, "output": (make_output_option(outputs), None)}
    return {
        name: Parameter(name, Parameter.KEYWORD_ONLY, default=declarations[name][1], annotation=declarations[name][0])
        for name in names
    }


def _merge_settings(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Return the options before a command's name, overridden by those after it."""
    files, instances = values.get("file"), option_values.parse_instance_names(values.get("instance"))
    return replace(
        settings,
        files=tuple(files or settings.files),
        output=values.get("output") or settings.output,
        instances=instances or settings.instances,
        state_dir=values.get("state_dir") or settings.state_dir,
        log_format=values["log_format"] or settings.log_format,
        verbose=values["verbose"] or settings.verbose,
        quiet=values["quiet"] or settings.quiet,
    )


def _unsupported_output_text(context: typer.Context, output: OutputFormat, outputs: Collection[OutputFormat]) -> str:
    formats = join_alternatives(outputs)
    return f"{context.info_name} does not support --output {output}. Use {formats}"
