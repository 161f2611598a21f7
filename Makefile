# The menu.  Everything is built in .venv; where packages come from is pip's own business (PIP_INDEX_URL, pip.conf).
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
DEBIAN := /usr/bin/python3.13
TREE := pyproject.toml setup.py Makefile conf docs gateway perf tests tools
COVERED := --ignore=tests/unit/perf tests/unit tests/pipeline tests/wire $(addprefix tests/e2e/test_,workers.py admin.py)
TRACED := build/coverage
FLOOR := 90
JOBS := $(shell nproc 2>/dev/null || echo 1)
# What `test` runs side by side, the longest first: `timed` and `untimed` mostly wait, the others compute.
PARTS := untimed timed unit suite313 deliver lint
BESIDE := $(shell expr $(JOBS) + 2)
MODULES := $(patsubst gateway/_fast/%.pyx,gateway._fast.%,$(wildcard gateway/_fast/*.pyx))
DELIVER := build/deliver/venv/bin
CHARTS := gateway/control/dashboard/static/vendor/uPlot.iife.min.js
FAST := $(wildcard gateway/_fast/*.pyx gateway/_fast/*.pxd gateway/_fast/*.pxi)
# What computes makes way for what waits: answers are held to their time.  The longest comes before the shorter ones.
LATER := nice -n 10
SOON := nice -n 5
PIP := -m pip --quiet --disable-pip-version-check --no-input
# Everything that is installed is in one of these with its hash: a clone of any later day gets what this one got.
LOCKS := requirements-build.lock requirements-dev.lock
LOCKED := $(PIP) install --require-hashes
# Every test of a process would compile the gateway anew.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: instructions help build run test lint suite timed untimed suite313 coverage bench soak fuzz pictures schema clean

help:
	@grep -E '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: $(VENV)/.built $(CHARTS) conf/quickstart.pem ## make .venv with the gateway in it (.venv/bin/gateway)

run: build ## serve conf/quickstart.yaml on 127.0.0.1:8000, with three small services behind it
	@exec $(PY) -m gateway.examples --gateway conf/quickstart.yaml

# All is built before, so that no part waits while others take its turn. Each shows what it said when it ends.
test: needs ## everything there is to check
	$(MAKE) -j $(JOBS) build .venv313/.built
	$(MAKE) -j $(BESIDE) --output-sync=target $(PARTS)

lint: build types ## ruff, cython-lint, mypy, stubs against what is built, import floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(LATER) cython-lint gateway/_fast
	$(LATER) $(BIN)/lint-imports --no-cache

types: build ## mypy, and the stubs against what is built
	$(LATER) $(BIN)/mypy
	@echo stubtest $(MODULES)
	@$(LATER) $(PY) -m mypy.stubtest --mypy-config-file pyproject.toml --ignore-unused-allowlist --allowlist tools/stubtest.txt $(MODULES)

suite: build ## all tests on .venv's Python
	$(PY) -m pytest -q

unit: build ## the unit suite alone, with half the examples of each property
	$(SOON) $(PY) -m pytest -q -m "not soak" --hypothesis-profile=half tests/unit

# `test` runs the suite in parts.  The unit tests run twice: on .venv's Python, and on Debian's without the `thorough` ones
# and with few examples; `suite` runs them with all.  What is compiled for lines and for Debian's Python alone is not
# optimized.  Lines are counted by `coverage`, which takes as long as all the rest together.
timed: build
	$(PY) -m pytest -q -m "timed and not soak" tests/e2e

untimed: build
	$(SOON) $(PY) -m pytest -q -m "not timed and not soak and not deliver and not image" --ignore=tests/unit

suite313: .venv313/.built $(CHARTS) ## the unit suite on Debian's own Python 3.13
	@if [ -x $(DEBIAN) ]; then $(LATER) .venv313/bin/python -m pytest -q -m "not soak and not thorough" --hypothesis-profile=counted tests/unit; \
	else echo "not run: there is no $(DEBIAN) on this machine"; fi

coverage: build $(TRACED)/.built ## the suite in build/coverage, where lines of .pyx files count; COVERED="tests/..." for a part
	find $(TRACED) -name '*.py' -delete && rm -f $(TRACED)/.coverage*
	tar -cf - --exclude='*.so' --exclude='*.c' --exclude=__pycache__ $(TREE) | tar -xf - -C $(TRACED)
	cd $(TRACED) && PYTHONPATH=$(CURDIR)/$(TRACED) $(SOON) $(CURDIR)/$(PY) -m pytest -q -m "not soak and not thorough" $(COVERED) \
	  --hypothesis-profile=counted -o faulthandler_timeout=0 --cov --cov-report=term --cov-fail-under=$(FLOOR)

bench: build ## CPU per request and latency beside nginx and the stock stack; BENCH="..." is passed on
	$(PY) -m perf run $(BENCH)

gate: build ## BASE=commit: fail when this tree costs more per request than that one, both measured here and now
	@$(PY) -m perf compare --gate --scenarios "$${SCENARIOS:-bare}" . "$${BASE:?say what to compare with, as BASE=origin/main}"

instructions: build ## fail when a fast module executes over 3 % more per call than perf/instructions.json says
	$(PY) -m perf instructions --against perf/instructions.json

soak: build ## SOAK="--minutes 60": the mix, which fails on leaks; then the written durations, figures of which go to docs/measured/
	$(PY) -m perf soak $(SOAK)
	$(PY) -m pytest -q -m soak -o faulthandler_timeout=0 tests/soak tests/e2e
	GATEWAY_KILLS=1000 $(PY) -m pytest -q -o faulthandler_timeout=0 -k kill $(addprefix tests/unit/,test_shared_kill.py test_shared_buckets.py upstreams/test_state.py)

fuzz: build ## the connection loop, for hours; FUZZ="..." is passed on
	$(PY) -m tests.fuzz $(FUZZ)

pictures: build ## write docs/images/dashboard-*.png, in chromium
	tools/needs.sh test
	$(PY) -m tests.pictures

deliver: build ## the checks of what takes the gateway to a cluster: chart, overlays, rules, Terraform, workflows
	$(LATER) tools/deliver/install.sh
	$(LATER) $(PY) -m pytest -q -m "deliver and not image" tests/deliver

rooms: build ## draw the rooms and their imports into docs/design.md
	$(PY) tools/rooms.py

lock: build ## write the locks; LOCK=--upgrade moves all to the newest
	tools/deliver/lock.sh $(LOCK)

newest: ## upgrade the locks in this tree and test with them, so that a release that breaks us is known the next morning
	tools/deliver/lock.sh --upgrade
	$(MAKE) test

image: $(CHARTS) ## IMAGE=registry.example/gateway:1.2.3: build it; BASE, EXTRAS and PIP_CONF as docs/deploy-image.md has them
	tools/deliver/image.sh build

sbom: ## build/image/gateway.cdx.json, a CycloneDX list of all that is in IMAGE
	tools/deliver/image.sh sbom

image-check: build $(CHARTS) ## as root, by sudo if need be: build the image without a daemon, look into it and boot it
	$(if $(filter-out 0,$(shell id -u)),sudo -n )$(PY) -m pytest -q -m image -o faulthandler_timeout=0 tests/deliver/test_image.py

manifests: build ## write k8s/base, k8s/overlays and what the chart has of `gateway export`
	tools/deliver/install.sh
	$(PY) tools/deliver/manifests.py

wheels: $(CHARTS) ## dist/*.whl for several Pythons by cibuildwheel, in containers
	tools/deliver/install.sh
	$(DELIVER)/cibuildwheel --platform linux --output-dir dist .

release: ## VERSION=1.2.3: date the changelog, one commit and its tag
	@python3 tools/deliver/release.py cut

provenance: ## VERSION=1.2.3: dist/provenance.json, what is in dist/ and where it comes from; signed with SIGNING_KEY
	tools/deliver/install.sh
	@$(DELIVER)/python tools/deliver/provenance.py

push: ## IMAGE=registry.example/gateway:1.2.3: push the image that was made
	@tools/deliver/push.sh

publish: ## VERSION=1.2.3: what is in dist/ as a release on GitHub, with what the changelog says
	@tools/deliver/publish.sh

promote: ## ENV=prod VERSION=1.2.3: a commit that changes what prod runs; without ENV, blue to green in a cluster
	@$(if $(ENV),tools/deliver/promote.sh,tools/deliver/slots.sh) promote

rollback: ## ENV=prod: a commit that reverts the last promotion; without ENV, green to blue in a cluster
	@$(if $(ENV),tools/deliver/promote.sh,tools/deliver/slots.sh) rollback

schema: build ## write conf/gateway.schema.json
	$(BIN)/gateway schema > conf/gateway.schema.json

clean: ## remove everything that was made here
	rm -rf $(VENV) .venv313 build htmlcov .coverage* *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f gateway/_fast/*.c gateway/_fast/*.so gateway/_fast/*.html
	rm -rf gateway/control/dashboard/static/vendor
	find gateway perf tests tools -name __pycache__ -type d -exec rm -rf {} +

.PHONY: needs deliver lock newest image sbom image-check manifests types unit gate wheels release provenance push publish promote rollback
needs:
	@tools/needs.sh test

# The gateway in editable form: its dependencies when a lock changes, its extensions when one of their sources does.
$(VENV)/.deps: pyproject.toml $(LOCKS)
	tools/needs.sh build
	test -x $(PY) || "$$(tools/python.sh)" -m venv $(VENV)
	$(PY) $(LOCKED) $(addprefix --requirement ,$(LOCKS))
	GATEWAY_EXT=none $(PY) $(PIP) install --no-build-isolation --no-deps --editable .
	touch $@

$(VENV)/.built: $(VENV)/.deps setup.py $(FAST)
	tools/needs.sh build
	$(PY) setup.py -q build_ext --inplace -j $(JOBS)
	touch $@

# What the dashboard draws with; without npm there is none, and the next build tries again.
$(CHARTS): tools/web.sh tools/web/package.json tools/web/package-lock.json
	tools/web.sh

# What the quickstart signs its tokens with: made here, known nowhere else, and never made anew.
conf/quickstart.pem: | $(VENV)/.built
	$(BIN)/gateway keys new $@

# Not beside the other: an editable installation writes into the tree.  Cython's own files are made older than what it
# wrote for .venv, which else would be written once more.
.venv313/.deps: pyproject.toml $(LOCKS) | $(VENV)/.deps
	mkdir -p .venv313
	if [ -x $(DEBIAN) ]; then tools/needs.sh test && $(DEBIAN) -m venv .venv313 && \
	  .venv313/bin/python $(LOCKED) --no-compile $(addprefix --requirement ,$(LOCKS)) && \
	  GATEWAY_EXT=none .venv313/bin/python $(PIP) install --no-compile --no-build-isolation --no-deps --editable . && \
	  find .venv313 -name '*.pxd' -exec touch -r pyproject.toml {} +; fi
	touch $@

# What Cython wrote for .venv is compiled once more.
.venv313/.built: .venv313/.deps $(VENV)/.built
	if [ -x $(DEBIAN) ]; then GATEWAY_OPTIMIZE=0 $(LATER) .venv313/bin/python setup.py -q build_ext --inplace -j $(JOBS); fi
	touch $@

# The tree once more, with extensions that count their lines.
$(TRACED)/.built: $(VENV)/.deps setup.py $(FAST)
	rm -rf $(TRACED) && mkdir -p $(TRACED)
	tar -cf - --exclude='*.so' --exclude='*.c' --exclude=__pycache__ $(TREE) | tar -xf - -C $(TRACED)
	cd $(TRACED) && GATEWAY_LINETRACE=1 GATEWAY_OPTIMIZE=0 $(SOON) $(CURDIR)/$(PY) setup.py -q build_ext --inplace -j $(JOBS)
	touch $@
