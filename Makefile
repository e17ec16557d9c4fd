# Two commands do everything on a machine with Python 3.11+, git and make: `make demo` and `make test`.
# They only wrap pip; README.md shows the plain lines.
#
#   PYTHON=python3.12   which Python makes .venv (default: the first of python3, python3.14 ... python3.11 that fits)
#   ARGS="..."          further words for the command that is run, e.g. make demo ARGS="--listen 127.0.0.1:5300"

PYTHON ?=
VENV ?= .venv
ARGS ?=

.PHONY: help demo test test-slow test-nightly test-system lint bench bench-growth bench-load bench-bill bench-scale docs grades pictures \
	dist deb sbom container lock test-deb clean venv venv-test

help:
	@echo "make demo        both vendors simulated and the real bridge: address, user, password, feed"
	@echo "make test        the whole test suite"
	@echo "make test-slow   the long searches"
	@echo "make test-nightly  the laws with 50,000 new examples each, the whole system with 10,000 steps each"
	@echo "make test-system   the whole system in virtual time, SEED=7 STEPS=150"
	@echo "make lint        ruff, mypy, import-linter"
	@echo "make bench       compare with stock Radicale; writes benchmarks/RESULTS.md"
	@echo "make bench-bill  a virtual month at DingTalk, as the vendor bills it; writes benchmarks/BILL.md"
	@echo "make bench-scale 500 people with 400 events each on one machine; writes benchmarks/SCALE.md"
	@echo "make bench-growth  what grows from 1,000 to 100,000 events"
	@echo "make bench-load  1,000 clients that poll: times, errors, memory"
	@echo "make docs        print docs/fidelity.md anew from the table in the code"
	@echo "make grades      grades of two foreign suites beside stock Radicale; writes the table in docs/clients.md"
	@echo "make pictures    make the README's pictures anew; needs Debian's chromium"
	@echo "make dist        wheel and sdist into dist/, the same bytes each time"
	@echo "make deb         a Debian package into dist/, for the Debian that it is made on"
	@echo "make test-deb    install, serve, upgrade, remove and purge it in a clean chroot; as root"
	@echo "make sbom        what a release consists of, as CycloneDX JSON in dist/"
	@echo "make container   localhost/queqiao, by podman or what BUILDER names"
	@echo "make lock        print release/locked.txt anew: the versions that packages bring along"
	@echo "make clean       remove .venv and every cache"

demo: venv
	@$(VENV)/bin/queqiao demo $(ARGS)

test: venv-test
	$(VENV)/bin/python -m pytest -n auto --dist worksteal -m "not slow" $(ARGS)

test-slow: venv-test
	QUEQIAO_SEARCH=1 $(VENV)/bin/python -m pytest -m slow --timeout=3600 $(ARGS)

# The laws of the mapping with 50,000 new examples each, the whole system with 10,000 new steps each: hours.
test-nightly: venv-test
	QUEQIAO_SEARCH=1 QUEQIAO_EXAMPLES=50000 $(VENV)/bin/python -m pytest -n auto --dist worksteal --timeout=36000 \
		tests/property tests/contract/wecom/test_laws.py tests/contract/dingtalk/test_mapping.py \
		tests/system/test_machine.py $(ARGS)

# The whole system in virtual time by one seed: make test-system SEED=7 STEPS=150
SEED ?= 1
STEPS ?= 150
test-system: venv-test
	$(VENV)/bin/python -m pytest tests/system --seed $(SEED) --steps $(STEPS) --timeout=3600 $(ARGS)

lint: venv-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# Sizes of the calendars: make bench SIZES=1000,10000,100000 (stock Radicale needs an hour for the last)
SIZES ?= 1000,10000
bench: venv
	$(VENV)/bin/python -m benchmarks.run --sizes $(SIZES) $(ARGS)

# What grows from 1,000 to 100,000 events, and 1,000 clients that poll: minutes, the first mostly to fill the calendars
bench-growth: venv
	$(VENV)/bin/python -m benchmarks.growth $(ARGS)

bench-load: venv
	$(VENV)/bin/python -m benchmarks.load $(ARGS)

bench-bill: venv
	$(VENV)/bin/python -m benchmarks.bill $(ARGS)

bench-scale: venv
	$(VENV)/bin/python -m benchmarks.scale $(ARGS)

docs: venv
	$(VENV)/bin/python -m bridge.cli.fidelity > docs/fidelity.md

grades: venv-test
	$(VENV)/bin/python tests/e2e/grades.py

pictures: venv-test
	$(VENV)/bin/python tests/browser/pictures.py

# The time of everything inside is the last commit's, or SOURCE_DATE_EPOCH.
EPOCH = $${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 1760000000)}
DIST ?= dist
dist: venv-test
	SOURCE_DATE_EPOCH=$(EPOCH) $(VENV)/bin/python -m build --no-isolation --outdir $(DIST)

DEB_PYTHON ?= /usr/bin/python3
deb: dist
	SOURCE_DATE_EPOCH=$(EPOCH) $(VENV)/bin/python release/deb/build.py $(DIST)/queqiao-*.whl --out $(DIST) --python $(DEB_PYTHON)

sbom: dist
	SOURCE_DATE_EPOCH=$(EPOCH) $(VENV)/bin/python release/sbom.py $(DIST)/queqiao-*.whl --out $(DIST)/queqiao.cdx.json

BUILDER ?= podman
container: dist
	$(BUILDER) build -f release/Containerfile -t localhost/queqiao .

test-deb: venv-test
	QUEQIAO_PROGRAMS=required $(VENV)/bin/python -m pytest -m slow tests/packages/test_deb_chroot.py --timeout=1800 $(ARGS)

lock: venv-test
	$(VENV)/bin/python release/lock.py > release/locked.new && mv release/locked.new release/locked.txt

venv:
	@PYTHON="$(PYTHON)" sh .ci/venv "$(VENV)" "."

venv-test:
	@PYTHON="$(PYTHON)" sh .ci/venv "$(VENV)" ".[test]"

clean:
	rm -rf $(VENV) build dist *.egg-info demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
