# The only entry points. Each sets up what it needs into ./.venv and ./.tools, and does nothing twice.
#
#   make demo                a tour through examples/01-storefront, then it stays up
#   make test                every test there is
#   make check               form, types, layers and unit tests: under two minutes
#   make bench [ONLY=http]   measure Skerry and its peers
#   make soak                the long tests
#   make wheel               dist/*.whl
#   make docs                render docs/reference from tables, commands and structs

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check bench soak wheel docs form types layers ready native lock packages

BIN := .venv/bin
DONE := .venv/.done
TARGET := $(or $(CARGO_TARGET_DIR),target)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --require-hashes
# only what rust.lock pins: cargo must not choose on its own
LOCKED := --locked
PYTEST := $(BIN)/python -m pytest
SAY := @printf '· %s\n'

# the extension is for every Python from 3.11 on (abi3): no interpreter takes part in building it
export PYO3_NO_PYTHON := 1
export PYO3_BUILD_EXTENSION_MODULE := 1
# what handlers find at the end of their path, as on AWS
export SKERRY_GUEST_PACKAGES := $(CURDIR)/.tools/guest

help:
	@sed -n 's/^#   //p' Makefile

# ------------------------------------------------------------------ what people run
demo: $(DONE)/run .tools/guest/.done native
	@exec $(BIN)/python examples/01-storefront/demo.py

test: $(DONE)/run $(DONE)/dev .tools/guest/.done native packages
	$(SAY) "Rust tests"
	@cargo test $(LOCKED) --workspace --quiet
	$(SAY) "Python tests"
	@$(PYTEST) -m "not soak" $(ARGS)

check: $(DONE)/run $(DONE)/dev .tools/guest/.done lock native form types layers
	$(SAY) "unit tests"
	@cargo test $(LOCKED) --workspace --quiet
	@$(PYTEST) -m "not soak and not slow" -q tests/unit tests/house

soak: $(DONE)/run $(DONE)/dev .tools/guest/.done native packages
	$(SAY) "a thousand made-up worlds"
	@SKERRY_SIM_SEEDS=1000 cargo test $(LOCKED) --package skerry-engine --test simulation --quiet
	@$(PYTEST) -m soak $(ARGS)

bench: $(DONE)/run $(DONE)/dev .tools/guest/.done native
	@exec $(BIN)/python -m benchmarks $(ONLY)

wheel: $(DONE)/build lock
	$(SAY) "wheel"
	@env -u PYO3_NO_PYTHON $(BIN)/maturin build --release --locked --out dist
	@ls -l dist/*.whl

docs: $(DONE)/run
	@$(BIN)/python -m docs.render

# ------------------------------------------------------------------ the parts of `make check`
form:
	$(SAY) "form"
	@$(BIN)/ruff format --check --quiet . || { echo "hint: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@cargo fmt --all --check

types: lock
	$(SAY) "types"
	@$(BIN)/mypy
	$(SAY) "clippy"
	@cargo clippy $(LOCKED) --workspace --all-targets --quiet -- -D warnings

layers:
	$(SAY) "layers"
	@PYTHONPATH=src $(BIN)/lint-imports --no-logo | tail -n 4

# ------------------------------------------------------------------ what they stand on
# before anything is downloaded
ready:
	@sh requirements/ready.sh

$(BIN)/python: | ready
	@python=$$(sh requirements/python.sh); \
	echo "· environment in .venv from $$python"; \
	"$$python" -m venv .venv

$(DONE)/run: requirements/run.txt requirements/link.py | $(BIN)/python
	$(SAY) "Python packages: run"
	@$(PIP) -r requirements/run.txt
	@$(BIN)/python requirements/link.py
	@mkdir -p $(DONE) && touch $@

$(DONE)/dev: requirements/dev.txt $(DONE)/run
	$(SAY) "Python packages: dev"
	@$(PIP) -r requirements/dev.txt
	@touch $@

$(DONE)/build: requirements/build.txt $(DONE)/run
	$(SAY) "Python packages: build"
	@$(PIP) -r requirements/build.txt
	@touch $@

.tools/guest/.done: requirements/guest.txt | $(BIN)/python
	$(SAY) "boto3 for handlers"
	@rm -rf .tools/guest
	@$(PIP) --target .tools/guest -r requirements/guest.txt
	@touch $@

lock: | ready $(BIN)/python
	@$(BIN)/python requirements/lock.py unpack

# cargo knows best whether anything changed; a new file takes the old one's place by name, so that
# an engine that runs keeps the one it has mapped
native: lock
	$(SAY) "Rust core"
	@cargo build $(LOCKED) --release --package skerry-py || { \
	    if { cargo metadata $(LOCKED) --format-version 1 2>&1 >/dev/null || true; } | grep -q "lock file"; then \
	        echo "hint: Cargo.toml has crates that requirements/rust.lock has not:"; \
	        echo "      cargo update --workspace && python3 requirements/lock.py pack"; \
	    fi; exit 1; }
	@built=$(TARGET)/release/lib_native.so; wanted=src/skerry/_native.abi3.so; \
	if ! cmp --silent "$$built" "$$wanted"; then \
	    cp "$$built" "$$wanted.new" && mv "$$wanted.new" "$$wanted"; \
	fi

# real clients for tests/protocol; where they cannot be installed their tests are listed skips
packages:
	@mkdir -p .tools; missing=""; \
	command -v nghttp >/dev/null || missing="$$missing nghttp2-client"; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then \
	    echo "· not installed (not root, or no apt-get):$$missing; their tests are skipped"; exit 0; \
	fi; \
	echo "· Debian packages:$$missing"; \
	{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $$missing; } \
	    >.tools/apt.log 2>&1 || { tail -n 5 .tools/apt.log; echo "· could not be installed; their tests are skipped"; }
