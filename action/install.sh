#!/usr/bin/env bash
# Installs reconcile from this checkout of the action, in a virtual environment of its own. An interpreter that has it
# already, as on a runner of yours, is named by the input `python`.
set -euo pipefail

python="${INPUT_PYTHON:-}"
if [ -z "$python" ]; then
  for name in python3.14 python3.13 python3.12 python3.11 python3 python; do
    # -I: no file of the repository that the job has checked out is taken for a module
    if command -v "$name" >/dev/null && "$name" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      base="$name"
      break
    fi
  done
  if [ -z "${base:-}" ]; then
    echo "::error title=reconcile::Python 3.11 or newer is needed. Use actions/setup-python before this action"
    exit 4
  fi
  folder="${RUNNER_TEMP:-/tmp}/reconcile-python"
  "$base" -I -m venv --clear "$folder"
  "$folder/bin/python" -I -m pip install --quiet --disable-pip-version-check \
    --constraint "$GITHUB_ACTION_PATH/constraints.txt" "$GITHUB_ACTION_PATH"
  python="$folder/bin/python"
  echo "$folder/bin" >>"$GITHUB_PATH"
fi
"$python" -I -m reconciler --version
echo "python=$python" >>"$GITHUB_OUTPUT"
