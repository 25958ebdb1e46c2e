# The commands of the project. Needs make and Python 3.11 or newer; on Debian, root gets what is missing through apt-get.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCH := $(VENV)/bench
BENCH_INSTALLED := $(BENCH)/.installed
DOCS := $(VENV)/docs
DOCS_INSTALLED := $(DOCS)/.installed
AUDIT := $(VENV)/audit
AUDIT_INSTALLED := $(AUDIT)/.installed
SBOM := artifacts/sbom.cdx.json
FUZZ := $(VENV)/fuzz
FUZZ_INSTALLED := $(FUZZ)/.installed
FUZZ_SECONDS ?= 60
IMAGE ?= evtmgmt-proxy:latest
KUBERNETES ?= 1.29 1.31 1.33 1.35 1.37
COMPILE := $(BIN)/uv pip compile -q --system-certs --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links

APT := DEBIAN_FRONTEND=noninteractive apt-get
may_install = [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null
BENCH_PROGRAMS := nginx:nginx-light wrk:wrk haproxy:haproxy caddy:caddy varnishd:varnish node:nodejs
CHROMIUM_NAMES := chromium chromium-browser google-chrome

.PHONY: help env chromium redis nginx promtool contestants demo fuzz soak test kills reference site check audit sbom bench image manifests lock clean
.DELETE_ON_ERROR:

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s%s\n", $$1, $$2}' Makefile

env: $(INSTALLED) ## Create .venv with the locked packages and the project

$(INSTALLED): requirements/dev.lock pyproject.toml
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  find_python() { \
	    if /usr/bin/python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	      default=/usr/bin/python3; \
	    fi; \
	    for name in $(PYTHON) $$default python3.13 python3.12 python3.11 python3; do \
	      if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$name"; return; fi; \
	    done; \
	  }; \
	  python=$$(find_python); \
	  if [ -z "$$python" ] && $(may_install); then \
	    $(APT) update -q && $(APT) install -y -q --no-install-recommends python3 python3-venv || exit 1; \
	    python=$$(find_python); \
	  fi; \
	  if [ -z "$$python" ]; then \
	    echo "Python 3.11 or newer is needed. Install it, or name it: make env PYTHON=/path/to/python3" >&2; exit 1; \
	  fi; \
	  if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	    package=$$("$$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
	    if $(may_install); then \
	      $(APT) update -q && $(APT) install -y -q --no-install-recommends "$$package" || exit 1; \
	    else \
	      echo "$$python has no venv module. As root: apt-get install $$package" >&2; exit 1; \
	    fi; \
	  fi; \
	  "$$python" -m venv --clear $(VENV) || exit 1; \
	fi
	@echo "Installing the locked packages into $(VENV): a minute or two"
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

chromium: env ## Install Debian's Chromium for the browser tests, where no Chrome is found
	@missing="chromium fonts-dejavu-core fonts-liberation"; \
	for name in $(CHROMIUM_NAMES); do if command -v "$$name" >/dev/null; then missing=; fi; done; \
	if ! $(BIN)/python -m playwright --version >/dev/null 2>&1; then missing="$$missing libatomic1"; fi; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if $(may_install); then \
	  $(APT) update -q && $(APT) install -y -q --no-install-recommends $$missing; \
	else \
	  echo "The browser tests need Chromium or Chrome. On Debian, as root: apt-get install $$missing" >&2; exit 1; \
	fi

redis: ## Install Debian's redis-server for the tests, where neither Redis nor Valkey is found
	@if command -v redis-server >/dev/null || command -v valkey-server >/dev/null; then exit 0; fi; \
	if $(may_install); then \
	  $(APT) update -q && RUNLEVEL=1 $(APT) install -y -q --no-install-recommends redis-server; \
	else \
	  echo "The tests need Redis or Valkey. On Debian, as root: apt-get install redis-server" >&2; exit 1; \
	fi

promtool: ## Install Debian's prometheus for the tests of the alert rules, where promtool is not found
	@if command -v promtool >/dev/null; then exit 0; fi; \
	if $(may_install); then \
	  $(APT) update -q && RUNLEVEL=1 $(APT) install -y -q --no-install-recommends prometheus; \
	else \
	  echo "The tests need promtool, which comes with Prometheus. On Debian, as root: apt-get install prometheus" >&2; exit 1; \
	fi

nginx: ## Install Debian's nginx for the tests, where it is missing
	@if PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null; then exit 0; fi; \
	if $(may_install); then \
	  $(APT) update -q && RUNLEVEL=1 $(APT) install -y -q --no-install-recommends nginx-light; \
	else \
	  echo "The tests of deploy/nginx need nginx. On Debian, as root: apt-get install nginx-light" >&2; exit 1; \
	fi

$(BENCH_INSTALLED): $(INSTALLED) requirements/bench.lock
	$(BIN)/python -m venv --clear $(BENCH)
	$(BENCH)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bench.lock
	$(BENCH)/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DOCS_INSTALLED): $(INSTALLED) requirements/docs.lock
	$(BIN)/python -m venv --clear $(DOCS)
	$(DOCS)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/docs.lock
	@touch $@

contestants: ## Install the programs that the benchmark measures, where they are missing
	@PATH="$$PATH:/usr/sbin:/sbin"; missing=; \
	for pair in $(BENCH_PROGRAMS); do \
	  command -v "$${pair%%:*}" >/dev/null || missing="$$missing $${pair#*:}"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if $(may_install); then \
	  $(APT) update -q && RUNLEVEL=1 $(APT) install -y -q --no-install-recommends $$missing; \
	else \
	  echo "Not installed, so not measured:$$missing. On Debian, as root: apt-get install$$missing" >&2; \
	fi

bench: contestants $(BENCH_INSTALLED) ## Measure this proxy beside others; ARGS: --quick, or --write for benchmarks/RESULTS.md
	@$(BENCH)/bin/python -m benchmarks $(ARGS)

$(AUDIT_INSTALLED): $(INSTALLED) requirements/audit.lock
	$(BIN)/python -m venv --clear $(AUDIT)
	$(AUDIT)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/audit.lock
	@touch $@

sbom: $(AUDIT_INSTALLED) ## Write what the image's Python holds as CycloneDX to artifacts/
	@mkdir -p artifacts
	@PYTHONWARNINGS=ignore::UserWarning $(AUDIT)/bin/cyclonedx-py requirements requirements/runtime.lock \
	  --pyproject pyproject.toml --output-reproducible --of JSON -o $(SBOM)
	@echo "$(SBOM) describes requirements/runtime.lock."

audit: sbom ## Write the SBOM, and ask a vulnerability service of all locks; ARGS are handed to pip-audit
	@$(AUDIT)/bin/python .ci/audit.py requirements/*.lock $(ARGS)

$(FUZZ_INSTALLED): $(INSTALLED) requirements/fuzz.lock
	$(BIN)/python -m venv --clear $(FUZZ)
	$(FUZZ)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/fuzz.lock
	$(FUZZ)/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

fuzz: $(FUZZ_INSTALLED) ## Fuzz targets, answers, registrations and the described API for a minute; FUZZ_SECONDS for another time
	@$(FUZZ)/bin/python -m tests.fuzz.run --seconds $$(( $(FUZZ_SECONDS) * 3 / 4 ))
	@$(FUZZ)/bin/python -m tests.fuzz.described --seconds $$(( $(FUZZ_SECONDS) / 4 ))

soak: env ## Ten minutes of a portal's load with faults and reloads: does anything grow? ARGS: --minutes 2, --write
	@$(BIN)/python -m benchmarks.soak $(ARGS)

demo: env ## Run a simulated organisation, the proxy and an old-style portal
	@$(BIN)/evtmgmt-proxy demo

test: chromium redis nginx promtool ## Run the tests; ARGS are handed to pytest
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not browser"
	$(BIN)/python -m pytest -n 2 --dist loadfile -m browser
endif

reference: env ## Write docs/commands.md and the manual page anew after a change of the commands
	$(BIN)/python -m app.cli.reference

site: $(DOCS_INSTALLED) ## Build the documentation as a site into dist/site; a broken link fails
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/python -m mkdocs build --strict --quiet
	@echo "dist/site/index.html; with its search: python3 -m http.server -d dist/site"

kills: env ## Kill proxies with an outbox at random moments; KILLS says how often, 200 by default
	$(BIN)/python -m tests.app.outbox.kills $(or $(KILLS),200)

check: env ## Lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

image: ## Build the container image; EXTRAS=azure, otlp or both; BUILD_IMAGE names a builder where no Docker engine answers
	@if docker info >/dev/null 2>&1; then \
	  docker build -t $(IMAGE) --build-arg EXTRAS="$(EXTRAS)" --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null)" .; \
	elif [ -n "$(BUILD_IMAGE)" ]; then \
	  "$(BUILD_IMAGE)" -t $(IMAGE) .; \
	else \
	  echo "No Docker engine answers. Start one, or name another builder: make image BUILD_IMAGE=/path/to/builder" >&2; \
	  echo "(it is called as: builder -t $(IMAGE) .)" >&2; exit 1; \
	fi

manifests: env ## Build the Kubernetes overlays and hold them against the schemas; needs kubectl
	@command -v kubectl >/dev/null || { echo "Install kubectl first" >&2; exit 1; }
	@$(BIN)/python -m venv $(VENV)/deploy
	@$(VENV)/deploy/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/deploy.lock
	@for overlay in deploy/kubernetes/overlays/*; do \
	  kubectl kustomize $$overlay >$(VENV)/deploy/built.yaml || exit 1; \
	  for version in $(KUBERNETES); do \
	    echo "$$overlay, Kubernetes $$version"; \
	    $(VENV)/deploy/bin/kubernetes-validate --strict --quiet -k $$version $(VENV)/deploy/built.yaml || exit 1; \
	  done; \
	done

lock: env ## Write the locks anew after a change of pyproject.toml; LOCK=--upgrade raises versions
	$(COMPILE) $(LOCK) pyproject.toml -o requirements/runtime.lock
	$(COMPILE) $(LOCK) --group build -o requirements/build.lock
	$(COMPILE) $(LOCK) --group deploy -o requirements/deploy.lock
	$(COMPILE) $(LOCK) pyproject.toml --all-extras --group dev -o requirements/dev.lock
	$(COMPILE) $(LOCK) pyproject.toml --extra azure -c requirements/dev.lock -o requirements/azure.lock
	$(COMPILE) $(LOCK) pyproject.toml --extra otlp -c requirements/dev.lock -o requirements/otlp.lock
	$(COMPILE) $(LOCK) pyproject.toml --group bench -c requirements/dev.lock -o requirements/bench.lock
	$(COMPILE) $(LOCK) pyproject.toml --all-extras --group fuzz -c requirements/dev.lock -o requirements/fuzz.lock
	$(COMPILE) $(LOCK) --group audit -o requirements/audit.lock
	$(COMPILE) $(LOCK) --group docs -o requirements/docs.lock

clean: ## Remove the environment and everything that was made
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .coverage artifacts dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
