# `make demo` shows the main features on real servers; `make test` runs every check. Each installs what it needs.

PYTHON := $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 8
# PIP_EXTRA: further options for pip
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt $(PIP_EXTRA)

.PHONY: demo test check lint types docs bytecode search bench soak chaos fuzz clients clean

demo: $(VENV)/.base
	@$(BIN)/reconcile demo $(if $(KEEP),--keep)

# The checks do not wait for each other. QBT: the path of a qbittorrent-nox, or several; only the tests on servers then
# run, and on it
test: $(VENV)/.test
	@$(MAKE) --no-print-directory -j2 types lint docs bytecode
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $(WORKERS) --maxschedchunk 1 -q --cpu-seconds $(addprefix --qbt-binary=,$(QBT))

check: lint types

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

types: $(VENV)/.dev
	$(BIN)/mypy

# The code and the tests, compiled once, or every worker would do it, and commands that tests start too. Whatever is wrong
# with a test is said when it runs
bytecode: $(VENV)/.dev
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q reconciler tests/support
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --collect-only -q >/dev/null 2>&1 || true

# The site in build/site; a link or an anchor that leads nowhere is an error
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# Property tests, with new examples at each run
search: $(VENV)/.dev
	$(BIN)/pytest tests -n $(WORKERS) -q -m hypothesis --hypothesis-profile=search

# LENGTH: seconds
soak: $(VENV)/.dev
	SOAK_SECONDS=$(or $(LENGTH),1800) $(BIN)/pytest tests/e2e/test_soak.py -q -s --timeout 0

# SEED: the first one, COUNT: how many schedules
chaos: $(VENV)/.dev
	CHAOS_SEED=$(or $(SEED),1) CHAOS_COUNT=$(or $(COUNT),1000) $(BIN)/pytest tests/e2e/test_chaos.py -n $(WORKERS) --dist worksteal -q --timeout 0

# LENGTH: seconds for each target. What was learnt stays in .fuzz, and so do the inputs that failed
fuzz: $(VENV)/.fuzz
	@for target in yaml magnets torrents replies gateway; do \
		$(BIN)/python -m tests.support.fuzz $$target $(or $(LENGTH),600) .fuzz/$$target || exit 1; done

# Programs of others against the gateway, each in an environment of its own. CROSS_SEED: a folder with its built source
clients: $(VENV)/.dev build/clients/.installed
	$(BIN)/pytest $(addprefix tests/support/clients/check_,flexget.py qbit_manage.py $(if $(CROSS_SEED),cross_seed.py)) -q -n 0

build/clients/.installed: tests/support/clients/flexget.txt tests/support/clients/qbit_manage.txt
	@for name in flexget qbit_manage; do \
		$(PYTHON) -m venv build/clients/$$name && \
		build/clients/$$name/bin/pip install --quiet --disable-pip-version-check -r tests/support/clients/$$name.txt || exit 1; done
	@touch $@

# Compile the code first, as an installation does, even if the environment forbids bytecode
# SCALE=1: 100,000 torrents on one instance, and 60 instances, instead
bench: $(VENV)/.dev
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q reconciler
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m $(if $(SCALE),bench.scale,bench $(COUNT))

clean:
	rm -rf $(VENV) build dist

$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found on PATH." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "No virtual environment could be made: on Debian or Ubuntu, install python3-venv." >&2; exit 1; }

$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) -e .
	@touch $@

# All that `make test` needs at once: pip looks for what fits together each time
$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) -e '.[dev,docs]'
	@touch $@ $(VENV)/.docs $(VENV)/.dev $(VENV)/.base

$(VENV)/.docs: pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) -e '.[docs]'
	@touch $@ $(VENV)/.base

$(VENV)/.fuzz: pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) -e '.[dev,fuzz]'
	@touch $@ $(VENV)/.dev $(VENV)/.base

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.base
