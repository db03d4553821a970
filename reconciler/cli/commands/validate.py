"""The commands that contact no instance: validate, and the status of a running loop."""

from __future__ import annotations

from reconciler.cli import console, logs
from reconciler.cli.loading import files_of, load_desired
from reconciler.cli.settings import Output, Settings
from reconciler.model.desired import Desired
from reconciler.report.text.lines import Style, line
from reconciler.report.text.problems import count


def validate_command(settings: Settings) -> int:
    """Check the files, offline."""
    logs.configure(settings)
    _say_valid(settings, load_desired(settings, resolve_secrets=False))
    return 0


def _say_valid(settings: Settings, desired: Desired) -> None:
    torrents, instances, warnings = len(desired.torrents), len(desired.instances), desired.warnings
    files = ", ".join(str(file) for file in files_of(settings))
    counts = f"{count(torrents, 'torrent')} on {count(instances, 'instance')}"
    if desired.unfetched:
        counts += f", and {count(desired.unfetched, 'torrent')} by URL, which a validation does not fetch"
    verdict = f"{files}: valid: {counts}"
    if settings.output is Output.JSON:
        from reconciler.report.json.run import write_valid

        console.publish(lambda stream: write_valid(torrents, instances, desired.unfetched, warnings, stream))
    elif settings.output is Output.MARKDOWN:
        from reconciler.report.markdown import valid_markdown

        console.publish_text([valid_markdown(verdict, warnings).rstrip("\n")])
    elif settings.output is Output.GITHUB:
        from reconciler.report.github import warning_commands

        console.publish_text([*warning_commands(warnings, console.in_repository), verdict])
    else:
        console.publish_lines([line(f"{files}: ", ("valid", Style.GOOD), f": {counts}")])
