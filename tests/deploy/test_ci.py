"""The files for CI: `action.yml` and examples/ci have the form that the forges expect, and docs/ci.md shows them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler import __version__
from tests.support.action import ACTION, REPOSITORY, load_yaml
from tests.support.deployment import list_registry_images

EXAMPLES: Final = REPOSITORY / "examples" / "ci"
PAGE: Final = (REPOSITORY / "docs" / "ci.md").read_text(encoding="utf-8")
WORKFLOWS: Final = ["github.yaml", "forgejo.yaml"]


def list_steps() -> list[dict[str, Any]]:
    """Return the steps of the action."""
    return list(load_yaml(ACTION)["runs"]["steps"])


@pytest.mark.parametrize("file", sorted(path.name for path in EXAMPLES.iterdir()))
def test_the_page_shows_the_file_that_is_tested(file: str) -> None:
    assert f"```yaml\n{(EXAMPLES / file).read_text(encoding='utf-8')}```\n" in PAGE


def test_the_page_has_every_input_and_output() -> None:
    action = load_yaml(ACTION)
    assert [name for name in (*action["inputs"], *action["outputs"]) if f"| `{name}` |" not in PAGE] == []


def test_the_action_has_the_form_of_a_composite_action() -> None:
    action = load_yaml(ACTION)
    assert action.keys() == {"name", "description", "branding", "inputs", "outputs", "runs"}
    assert all(entry.keys() == {"description", "default"} for entry in action["inputs"].values())
    assert all(isinstance(entry["default"], str) for entry in action["inputs"].values())
    assert all(entry.keys() == {"description", "value"} for entry in action["outputs"].values())
    assert action["runs"].keys() == {"using", "steps"} and action["runs"]["using"] == "composite"
    for step in list_steps():
        assert {"name", "shell", "env", "run"} <= step.keys() <= {"name", "id", "if", "shell", "env", "run"}
        assert step["shell"] == "bash", "and it calls no action of others"


def test_no_expression_reaches_the_text_of_a_script() -> None:
    names = {step["id"] for step in list_steps() if "id" in step}
    for step in list_steps():
        assert "${{" not in step["run"] + step.get("shell", "")
        for text in step["env"].values():
            match = re.fullmatch(r"\$\{\{ (?:inputs\.([\w-]+)|steps\.(\w+)\.outputs\.\w+) \}\}", text)
            assert match and (match[1] in load_yaml(ACTION)["inputs"] or match[2] in names), text
    for workflow in WORKFLOWS:
        for job in load_yaml(EXAMPLES / workflow)["jobs"].values():
            assert not any("run" in step for step in job["steps"])


def test_only_the_step_that_comments_has_the_token() -> None:
    assert [step["name"] for step in list_steps() if "token" in str(step["env"])] == ["Comment"]


def test_the_script_is_executable_and_parses() -> None:
    script = REPOSITORY / "action" / "install.sh"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_the_script_names_what_is_missing_without_python(tmp_path: Path) -> None:
    for name in ("bash", "env"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    done = subprocess.run(
        ["/usr/bin/bash", REPOSITORY / "action" / "install.sh"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert done.stdout.startswith("::error title=reconcile::Python 3.11 or newer is needed. Use actions/setup-python")


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_the_form_of_a_workflow(name: str) -> None:
    workflow = load_yaml(EXAMPLES / name)
    assert workflow.keys() <= {"name", "on", "permissions", "concurrency", "jobs"}
    assert workflow["on"] == {"pull_request": None, "push": {"branches": ["main"]}}
    assert name != "github.yaml" or workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    (job,) = workflow["jobs"].values()
    assert job.keys() == {"runs-on", "steps"}
    *others, ours = job["steps"]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in others)
    assert ours.keys() == {"uses", "with", "env"}
    assert ours["uses"].endswith(f"YOUR-ORG/qbt-reconciler@v{__version__}")
    assert ours["with"].keys() <= load_yaml(ACTION)["inputs"].keys()
    assert ours["env"] == {"HOME_PASSWORD": "${{ secrets.HOME_PASSWORD }}"}


def test_the_pipeline_of_gitlab_has_the_form_of_a_pipeline() -> None:
    pipeline = load_yaml(EXAMPLES / "gitlab-ci.yml")
    assert pipeline.keys() == {"stages", "variables", ".reconcile", "validate", "diff", "plan", "apply"}
    allowed = {"extends", "image", "stage", "rules", "before_script", "script", "allow_failure", "artifacts"}
    for name, job in pipeline.items():
        if name in ("stages", "variables", ".reconcile"):
            continue
        assert job.keys() <= allowed | {"resource_group"} and job["stage"] in pipeline["stages"]
        assert job.get("extends", ".reconcile") in pipeline
        assert all(rule.keys() == {"if"} and isinstance(rule["if"], str) for rule in job["rules"])
        assert all(isinstance(line, str) for line in (*job["script"], *job.get("before_script", ())))
        assert job.get("artifacts", {}).keys() <= {"when", "expose_as", "paths"}
    assert pipeline[".reconcile"]["image"]["entrypoint"] == [""]
    assert pipeline["diff"]["before_script"][0].endswith(f"qbt-reconciler=={__version__}")


def test_no_file_names_the_host_of_a_registry() -> None:
    files = [ACTION, REPOSITORY / ".pre-commit-hooks.yaml", REPOSITORY / "action" / "install.sh", *EXAMPLES.iterdir()]
    for file in files:
        text = file.read_text(encoding="utf-8").replace("name: YOUR-REGISTRY", "image: YOUR-REGISTRY")
        assert list_registry_images(text) == [], file.name
        assert re.findall(r"https?://(?!YOUR-FORGE/)", text) == [], file.name
