# The commands of this project. Each sets up what it needs; `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

COLLECTION := collections/ansible_collections/relmgmt/release
JOBS ?= $(shell nproc)
# The newest and the oldest supported ansible-core, and the oldest Python of a host.
NEWEST := .venv
OLDEST := .venv-oldest
HOST := .venv-host
PYTEST := -m pytest --numprocesses=2
PARTS := fleet e2e sanity-newest sanity-oldest integration faults testbed molecule lint unit-newest unit-oldest unit-host
# Whether there can be a PostgreSQL here; why not, if not.
POSTGRES := PYTHONPATH=collections $(NEWEST)/bin/python -m \
$(subst /,.,$(COLLECTION:collections/%=%)).tests.unit.plugin_utils.registry.postgres
OUR_FILES := pep8 pylint shellcheck yamllint
SWEEP := $(NEWEST)/bin/python -m tests.faults
# Hosts of `make bed`.
N ?= 20
# Random lives of `make crash`: hours, and about a million verbs.
LIVES ?= 100000
# Run a command that needs a bed of hosts, or say why it was not.
define on-bed
@if why=$$($(NEWEST)/bin/python -m tests.testbed check 2>&1); then $(1); \
else mkdir -p .cache/parts; echo "NOT COVERED: $@: $$why" | tee .cache/parts/not-covered-$@; fi
endef
UV_COMPILE := uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --upgrade

.PHONY: help
help:  ## List the commands
	@grep -hE '^[a-z0-9-]+:.*  ## ' $(MAKEFILE_LIST) | sort | awk -F ':.*  ## ' '{printf "make %-20s %s\n", $$1, $$2}'

.PHONY: demo
demo: $(NEWEST)/.ready  ## Show a release go out and come back on this machine
	@$(NEWEST)/bin/python examples/demo.py

# --- checks -----------------------------------------------------------------------------------------------------------

.PHONY: test
test: $(NEWEST)/.ready $(OLDEST)/.ready  ## Run every check, in parallel
	@rm -rf .cache/parts && mkdir -p .cache/parts
	@result=0; $(MAKE) --keep-going --jobs=$(JOBS) --output-sync=recurse $(PARTS:%=part-%) || result=$$?; \
	echo; cat $(PARTS:%=.cache/parts/%) $$(compgen -G '.cache/parts/not-covered-*' || true); exit $$result

part-%:
	@echo "=== $* ==="; start=$$SECONDS; result=0; $(MAKE) $* || result=$$?; \
	printf '%-14s %4d s  %s\n' $* $$((SECONDS - start)) $$([[ $$result = 0 ]] && echo ok || echo FAILED) \
	| tee .cache/parts/$*; exit $$result

.PHONY: lint
lint: $(NEWEST)/.ready  ## Check style, types, playbooks, scripts and change fragments
	@export PATH="$(CURDIR)/$(NEWEST)/bin:$$PATH"; set -x; \
	ruff check --quiet; ruff format --check --quiet; mypy; \
	shellcheck $$(grep -lE '^#!.*\bbash' tools/* .ci/*); \
	ansible-lint --offline -q; \
	cd $(COLLECTION) && antsibull-changelog lint

.PHONY: sanity sanity-newest sanity-oldest
sanity: sanity-newest sanity-oldest  ## Run ansible-test sanity on the newest and the oldest core
sanity-newest: $(NEWEST)/.ready
	@tools/ansible-test $(NEWEST) sanity --local --color no
# Without the tests that read our files alone and know nothing of the core: the newest core runs those.
sanity-oldest: $(OLDEST)/.ready
	@tools/ansible-test $(OLDEST) sanity --local --color no $(OUR_FILES:%=--skip-test %)

.PHONY: unit unit-newest unit-oldest unit-host
unit: unit-newest unit-oldest unit-host  ## Run the unit tests on the newest core, those that a core has a part in also on the oldest, those of the host engine also on Python 3.8
unit-newest: $(NEWEST)/.ready
	@why=$$($(POSTGRES)) || \
	{ mkdir -p .cache/parts; echo "NOT COVERED: the registry in PostgreSQL: $$why" | tee .cache/parts/not-covered-$@; }
	@$(NEWEST)/bin/python $(PYTEST) $(COLLECTION)/tests/unit
unit-oldest: $(OLDEST)/.ready
	@$(OLDEST)/bin/python $(PYTEST) $(COLLECTION)/tests/unit/{inventory,plugin_utils/{test_*.py,profile,registry,secrets}}
unit-host:
	@if tools/python 3.8 3.8 >/dev/null 2>&1; then $(MAKE) $(HOST)/.ready; \
	$(HOST)/bin/python $(PYTEST) $(COLLECTION)/tests/unit/module_utils --ignore=$(COLLECTION)/tests/unit/module_utils/host/crash; \
	else mkdir -p .cache/parts; echo "NOT COVERED: the host engine on Python 3.8, which this machine does not have" \
	| tee .cache/parts/not-covered-$@; fi

.PHONY: integration integration-oldest
integration: $(NEWEST)/.ready  ## Run the integration targets on the newest core
	@tools/ansible-test $(NEWEST) integration --local --color no
integration-oldest: $(OLDEST)/.ready  ## Run the integration targets on the oldest core
	@tools/ansible-test $(OLDEST) integration --local --color no

.PHONY: e2e
e2e: $(NEWEST)/.ready  ## Run the whole product on this machine alone, and the tests of what measures it
	@why=$$($(POSTGRES)) || \
	{ mkdir -p .cache/parts; echo "NOT COVERED: migrations of databases: $$why" | tee .cache/parts/not-covered-$@; }
	@$(NEWEST)/bin/python -m pytest tests/e2e tests/bench tests/faults tests/wayback --ignore=tests/e2e/fleet

# --- real hosts: root on Debian with mmdebstrap ------------------------------------------------------------------------

.PHONY: bed bed-down
bed: $(NEWEST)/.ready  ## Make a bed of N=20 real hosts on this machine, as root
	@$(NEWEST)/bin/python -m tests.testbed up $(N)
bed-down: $(NEWEST)/.ready  ## End the bed; nothing of it is left
	@$(NEWEST)/bin/python -m tests.testbed down

.PHONY: testbed fleet faults molecule
testbed: $(NEWEST)/.ready  ## Test the bed itself
	$(call on-bed,$(NEWEST)/bin/python -m pytest tests/testbed)
fleet: $(NEWEST)/.ready  ## Run the whole product against 20 real hosts, over ssh
	$(call on-bed,$(NEWEST)/bin/python -m pytest tests/e2e/fleet)
molecule: $(NEWEST)/.ready  ## Run the molecule scenario of the role and of every host module on real hosts
	$(call on-bed,tools/molecule $(NEWEST))
faults: $(NEWEST)/.ready  ## Inject a sample of all faults into a rollout, and judge the hosts
	$(call on-bed,$(SWEEP) --sample --results .cache/faults/sample.jsonl --table .cache/faults/sample.txt)

.PHONY: faults-all bench return
faults-all: $(NEWEST)/.ready  ## Inject every fault at every step boundary, also beside a plain playbook; takes hours, goes on where it ended; writes the collection's docs/faults.md
	@result=0; $(SWEEP) --all --resume --table .cache/faults/ours.txt || result=$$?; \
	$(SWEEP) --all --resume --product plain --table .cache/faults/plain.txt || result=$$?; \
	$(SWEEP) --docs $(COLLECTION)/docs/faults.md; exit $$result
bench: $(NEWEST)/.ready  ## Measure against a plain playbook and the floor; writes the collection's docs/benchmarks.md
	@$(NEWEST)/bin/python -m tests.bench
return: $(NEWEST)/.ready  ## Measure how long hosts take to go back by themselves; writes the section of docs/the-way-back.md
	@PYTHONPATH=collections $(NEWEST)/bin/python -m tests.wayback --page $(COLLECTION)/docs/the-way-back.md

.PHONY: nightly
nightly: $(NEWEST)/.ready  ## Run the tests that take too long for every change
	@$(NEWEST)/bin/python -m pytest -m nightly tests/e2e $(COLLECTION)/tests/unit/plugin_utils/registry

.PHONY: crash
crash: $(NEWEST)/.ready  ## Kill the host engine at every step and in LIVES random lives, in memory; takes hours
	@PYTHONPATH=collections $(NEWEST)/bin/python -m \
	$(subst /,.,$(COLLECTION:collections/%=%)).tests.unit.module_utils.host.crash --lives $(LIVES)

# --- upkeep -----------------------------------------------------------------------------------------------------------

.PHONY: format
format: $(NEWEST)/.ready  ## Format the code
	@$(NEWEST)/bin/ruff check --fix --quiet && $(NEWEST)/bin/ruff format --quiet

.PHONY: requirements
requirements: $(NEWEST)/.ready  ## Write the lock files anew with the newest versions that their .in files allow
	@cd requirements && export PATH="$(CURDIR)/$(NEWEST)/bin:$$PATH" && set -x; \
	$(UV_COMPILE) --python-version 3.12 --output-file dev.txt dev.in; \
	$(UV_COMPILE) --python-version 3.12 --output-file controller.txt --constraints dev.txt controller.in; \
	$(UV_COMPILE) --python-version 3.12 --output-file vault.txt --constraints dev.txt vault.in; \
	$(UV_COMPILE) --python-version 3.12 --output-file aws.txt --constraints dev.txt aws.in; \
	$(UV_COMPILE) --python-version 3.11 --output-file oldest.txt oldest.in; \
	$(UV_COMPILE) --python-version 3.8 --output-file host.txt host.in

.PHONY: clean
clean:  ## Remove everything that these commands made
	@rm -rf .venv .venv-oldest .venv-host .cache .ansible .hypothesis
	@rm -rf $(COLLECTION)/tests/{output,integration/inventory}
	@find . -name __pycache__ -prune -exec rm -rf {} +

$(NEWEST)/.ready: requirements/dev.txt
	@tools/venv $(NEWEST) 3.12 3.14 $<
$(OLDEST)/.ready: requirements/oldest.txt
	@tools/venv $(OLDEST) 3.11 3.12 $<
$(HOST)/.ready: requirements/host.txt
	@tools/venv $(HOST) 3.8 3.8 $<
