"""`reconcile validate`: check the files offline."""

from __future__ import annotations

from reconciler.cli import console, logs
from reconciler.cli.loading import find_desired_files, load_desired
from reconciler.cli.progress import ProgressBars
from reconciler.cli.settings import OutputFormat, Settings
from reconciler.desired import list_yaml_files
from reconciler.model.desired import DesiredState
from reconciler.report.text.lines import Style, make_line, render_plain
from reconciler.report.text.problems import format_count


def validate_command(settings: Settings) -> int:
    """Load the files without contacting anything, and report the result. Return the exit code."""
    logs.configure(settings)
    with ProgressBars(settings):
        desired = load_desired(settings, resolve_secrets=False)
    _write_validation(settings, desired)
    return 0


def _write_validation(settings: Settings, desired: DesiredState) -> None:
    torrents, instances, warnings = len(desired.torrents), len(desired.instances), desired.warnings
    files = ", ".join(map(str, find_desired_files(settings))) + _included_text(settings, desired)
    counts = f"{format_count(torrents, 'torrent')} on {format_count(instances, 'instance')}"
    if desired.unfetched_count:
        counts += f", and {format_count(desired.unfetched_count, 'torrent')} by URL, which validate does not fetch"
    verdict = f"{files}: valid: {counts}"
    if settings.output is OutputFormat.JSON:
        from reconciler.report.json.run import write_validation

        console.write_report(
            lambda stream: write_validation(torrents, instances, desired.unfetched_count, warnings, stream)
        )
    elif settings.output is OutputFormat.MARKDOWN:
        from reconciler.report.markdown import render_validation_markdown

        console.write_report_text([render_validation_markdown(verdict, warnings).rstrip("\n")])
    elif settings.output is OutputFormat.GITHUB:
        from reconciler.report.github import render_warning_annotations
        from reconciler.report.markdown import render_validation_markdown

        annotations = render_warning_annotations(warnings, console.make_repository_relative)
        console.write_github_report(
            [*annotations, render_plain(make_line(verdict))], render_validation_markdown(verdict, warnings)
        )
    else:
        console.write_report_lines([make_line(f"{files}: ", ("valid", Style.GOOD), f": {counts}")])


def _included_text(settings: Settings, desired: DesiredState) -> str:
    count = len(desired.yaml_files) - len(list_yaml_files(find_desired_files(settings)))
    return f" with {format_count(count, 'included file')}" if count else ""
