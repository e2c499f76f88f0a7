# Every target sets up what it needs. `make demo ARGS=--once` passes arguments on; `make test WORKERS=8` uses more cores.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Two more than there are cores: tests wait for a quarter of their time and more; each worker costs seven seconds of its own.
WORKERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 2 )))

.PHONY: demo test check unit bench bench-keys bench-memory bench-reloads bench-journal instructions own-part soak lock messages translations docs clean wheel test-compiled

demo: $(VENV)/.demo
	@$(BIN)/fla-gateway demo $(ARGS)

test: check unit

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tests start some hundreds of processes: what Python compiles for one of them, it keeps for the others.
# And they load what users have: not rich, which structlog takes where developers' tools brought it; of roots only one.
unit: export PYTHONDONTWRITEBYTECODE :=
unit: export PYTHONPATH := $(CURDIR)/tests/support/as_installed
unit: $(VENV)/.dev
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not soak" $(ARGS)

soak: export EXAMPLES_FACTOR := 50
soak: $(VENV)/.dev
	$(BIN)/pytest -m "soak or hypothesis" --timeout 3600 $(ARGS)

bench: $(VENV)/.dev dist/.compiled
	$(BIN)/python -m benchmarks.run $(ARGS)

bench-keys: $(VENV)/.dev
	$(BIN)/python -m benchmarks.many_keys $(ARGS)

bench-memory: $(VENV)/.dev
	$(BIN)/python -m benchmarks.memory $(ARGS)

bench-reloads: $(VENV)/.dev
	$(BIN)/python -m benchmarks.many_reloads $(ARGS)

bench-journal: $(VENV)/.dev
	$(BIN)/python -m benchmarks.journal_reading $(ARGS)

instructions: $(VENV)/.dev
	$(BIN)/python -m benchmarks.instructions $(ARGS)

own-part: $(VENV)/.dev dist/.compiled
	$(BIN)/python -m benchmarks.own_part $(ARGS)

# Compiled, for this platform and Python, of the same source.
wheel: dist/.compiled

dist/.compiled: $(VENV)/.dev hatch_build.py pyproject.toml $(shell find fla_gateway -type f -not -name '*.pyc')
	@rm -rf dist
	FLA_GATEWAY_COMPILE=1 $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	@touch $@

# The same tests, on the compiled wheel: in an environment that has it, and a folder that has not the source.
test-compiled: export PYTHONDONTWRITEBYTECODE :=
test-compiled: export PYTHONPATH := $(CURDIR)/tests/support/as_installed
test-compiled: export FLA_GATEWAY_TESTS := compiled
test-compiled: dist/.compiled
	sh tests/support/compiled_environment.sh $(BIN)/python .compiled
	cd .compiled/project && ../venv/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "not soak and not source" $(ARGS)

# The messages for translators, from the sources and the templates of the page.
messages: $(VENV)/.dev
	$(BIN)/python -m tests.support.messages

# The translations, brought up to date with those messages and compiled. A new language: make translations ARGS=de
translations: messages
	$(BIN)/python -m tests.support.translations $(ARGS)

# The pages as a site, in .site/html: with what they link to, and no link that leads nowhere.
docs: $(VENV)/.docs
	@rm -rf .site && mkdir -p .site/pages/fla_gateway/catalog
	@cp -r README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE docker-compose.yml docs config .site/pages
	@cp fla_gateway/catalog/services.toml .site/pages/fla_gateway/catalog
	$(BIN)/python -m mkdocs build --strict

# Pinned and hashed, without any registry's address: the installer is told where to look by the machine it runs on.
lock: $(VENV)/.dev
	sh requirements/lock.sh $(BIN)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .benchmark .compiled .site dist

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "the venv module is missing; on Debian and Ubuntu: apt-get install python3-venv"; rm -rf $(VENV); exit 2; }

$(VENV)/.demo: $(BIN)/python requirements/sandbox.txt requirements/build.txt pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt -r requirements/sandbox.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.docs: $(VENV)/.dev requirements/docs.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@
