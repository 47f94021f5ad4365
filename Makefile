# Set-up is part of each target, and costs under a second when there is nothing to do.
# --inexact: no target removes what another one needs.

# Debian packages that the suite uses; without one of them its tests are skipped.
# libatomic1 is for the node that playwright brings along; pcscd, vsmartcard-vpcd, libccid and
# libusb-1.0-0 are for the readers; gcc, libpcsclite-dev and python3-dev to compile pyscard.
# vsmartcard-vpcd also gives the machine's own pcscd two readers named "Virtual PCD", which
# listen on ports 35963 and 35964 of every interface. udev is what our rules are tried on.
PACKAGES := chromium curl faketime libatomic1 gcc libccid libpcsclite-dev libusb-1.0-0 pcscd postgresql \
	python3-dev redis-sentinel redis-server udev vsmartcard-vpcd

WORKERS ?= 2
SECONDS ?= 60
ARGS ?=

UV := tools/uv
RUN := $(UV) run --no-sync
SYNC := $(UV) sync --quiet --locked --inexact --extra service --extra provisioning
STORES := --extra redis --extra postgres
PYTEST := $(RUN) pytest -n $(WORKERS) --dist loadgroup
# ARGS may leave the second run without a test, which pytest reports as 5.
IF_NARROWED = $(if $(strip $(ARGS)),|| [ $$? -eq 5 ])

.DEFAULT_GOAL := help
.NOTPARALLEL:
unexport VIRTUAL_ENV

.PHONY: help demo test check bench fuzz guards clean setup-demo setup-test setup-readers setup-check

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Extra arguments: make test ARGS='-k replay'"

demo: setup-demo ## Tap a simulated tag at a real service: no hardware, no root
	@$(RUN) ntag424-service demo $(ARGS)

# Ledgers have nothing to do with keys: once is enough.
test: setup-test ## Run the suite, and the library's part again on the other crypto backend
	$(PYTEST) $(ARGS)
	NTAG424_CRYPTO=pycryptodome $(PYTEST) tests/ntag424 tests/properties \
		--ignore tests/ntag424/replay $(ARGS) $(IF_NARROWED)

check: setup-check ## Format, lint, types, import direction, docstrings
	$(RUN) ruff format --check
	$(RUN) ruff check
	$(RUN) mypy
	$(RUN) pytest -q tests/docs/typing_check.py
	$(RUN) lint-imports
	$(RUN) interrogate ntag424 service provisioning

bench: setup-readers ## Measure, and print ratios
	@$(SYNC) $(STORES) --group test
	$(RUN) python -m bench $(ARGS)

fuzz: ## Feed every reader of outside input with anything; SECONDS=60 for each
	@$(SYNC) --group fuzz
	$(RUN) python -m fuzz $(SECONDS) $(ARGS)

guards: setup-test ## Break each decisive guard once, and see its test go red
	$(RUN) python tools/break-guards $(ARGS)

clean: ## Remove the environment, the caches and everything built
	rm -rf .venv .tools .fuzz .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .coverage* dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup-demo:
	@$(SYNC)

setup-test: setup-readers
	@$(SYNC) $(STORES) --group test

# pyscard is compiled: where that cannot be, the tests over PC/SC are skipped; with CI=true not.
setup-readers:
	@tools/debian-packages $(PACKAGES)
	@$(SYNC) --extra nfcpy
	@$(SYNC) --extra pcsc || [ "$$CI" != true ]

setup-check:
	@$(SYNC) $(STORES) --group lint --group test
