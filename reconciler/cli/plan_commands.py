"""Commands for plans that are not made and applied in one run: `apply`, `diff` and `snapshot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from reconciler.cli import option_values, options
from reconciler.cli.option_factories import command_option
from reconciler.cli.settings import OutputFormat, RunSettings, Settings
from reconciler.cli.shared_options import is_dry_run, shared_options

commands = typer.Typer()

PlanArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="PLAN", show_default=False, help="A plan that reconcile --dry-run --out FILE has saved. Required."
    ),
]
ApplyDryRunOption = Annotated[
    bool, command_option("--dry-run", help_text="Say if the plan is still that one, and change nothing.")
]


@commands.command()
@shared_options(
    *("file", "output", "instance", "state_dir"),
    outputs=tuple(OutputFormat),
    before_name=("dry_run", "report", "accept_plan", "take_over", "strict", "shard", "retry_login"),
)
def apply(
    settings: Settings,
    context: typer.Context,
    plan: PlanArgument = None,
    dry_run: ApplyDryRunOption = False,
    strict: options.CommandStrictOption = False,
    report: options.CommandReportOption = None,
    accept_plan: options.CommandAcceptPlanOption = None,
    take_over: options.CommandTakeOverOption = False,
    shard: options.CommandShardOption = None,
) -> int:
    """Apply a saved plan, if the plan is still that one.

    Plans again, with the same options as the dry-run that saved it. If the plan is another one now, nothing is
    executed, the difference is shown, and the exit code is 3. A plan that the guard refuses also needs --accept-plan.

    \b
    Example:
      reconcile --dry-run --out plan.json
      reconcile apply plan.json
    """
    from reconciler.cli.commands.apply import apply_command

    before: dict[str, Any] = context.parent.params if context.parent else {}
    run_settings = RunSettings(
        dry_run=is_dry_run(context, dry_run),
        strict=strict or before["strict"],
        report=report or before["report"],
        accept_plan=accept_plan or before["accept_plan"],
        take_over=take_over or before["take_over"],
        retry_login=before["retry_login"],
        shard=option_values.parse_shard(shard or before["shard"]),
    )
    return apply_command(settings, run_settings, plan)


CommandDetailedExitcodeOption = Annotated[
    bool, command_option("--detailed-exitcode", help_text="Exit code 2 if the two states differ.")
]
_STATE_HELP: Final = "A YAML file, a folder of them, or git:REV[:PATH]."
OldStateArgument = Annotated[str, typer.Argument(metavar="OLD", show_default=False, help=_STATE_HELP)]
NewStateArgument = Annotated[str, typer.Argument(metavar="NEW", show_default=False, help=_STATE_HELP)]


@commands.command()
@shared_options(
    "output",
    outputs=tuple(OutputFormat),
    before_name=("detailed_exitcode",),
)
def diff(
    settings: Settings,
    context: typer.Context,
    old: OldStateArgument,
    new: NewStateArgument,
    detailed_exitcode: CommandDetailedExitcodeOption = False,
) -> int:
    """Show what a change of the YAML does, without any server.

    Plans NEW for instances that are as OLD declares. No secret is read and nothing is contacted: torrents declared by
    URL are compared by their URLs. Exit code 0, 2 with --detailed-exitcode, 3 if the guard refuses, or 4.

    \b
    Examples:
      reconcile diff git:main desired.yaml
      reconcile diff git:HEAD~1:torrents/ git:HEAD:torrents/
    """
    from reconciler.cli.commands.diff import diff_command

    detailed = detailed_exitcode or bool(context.parent and context.parent.params["detailed_exitcode"])
    return diff_command(settings, old, new, detailed_exitcode=detailed)


SnapshotOutOption = Annotated[
    Path | None,
    command_option("--out", "-o", metavar="FILE", help_text="Write to this file. [default: standard output]"),
]
HashNamesOption = Annotated[
    bool, command_option("--hash-names", help_text="Write hashes in place of the names of torrents and files.")
]


@commands.command()
@shared_options("file", "instance", "state_dir")
def snapshot(
    settings: Settings,
    out: SnapshotOutOption = None,
    hash_names: HashNamesOption = False,
) -> int:
    """Write what a plan needs, for a plan that is made elsewhere.

    Contains no secrets. Reads only. Exit code 0, or 1 if an instance could not be read, which the snapshot then says.

    \b
    Examples:
      reconcile snapshot -o live.json
      reconcile --dry-run --live live.json
    """
    from reconciler.cli.commands.snapshot import SnapshotSettings, snapshot_command

    return snapshot_command(settings, SnapshotSettings(out, hash_names))
