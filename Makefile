# Everything runs in .venv, which each target sets up by itself. Needed before: Python 3.11-3.13 and a C++
# compiler. `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# What torch compiles with; asked for early, because it reports a missing compiler late and at length.
CXX := $(if $(filter default,$(origin CXX)),$(if $(filter Darwin,$(shell uname)),clang++,g++),$(CXX))
# Test workers. Two, because two cores is what CI has; more workers need more memory.
JOBS ?= 2

# torch's and triton's caches of compiled kernels stay where these put them: they are keyed by content and
# version, so sharing them between checkouts and commits is safe and saves minutes.

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: report
report: $(STAMP) compiler ## measure this machine (about 3 minutes) and build the page
	@swept=0; $(PY) -m pytest benchmarks --benchmark-only || swept=$$?; \
	$(PY) -m reports build; \
	if [ $$swept -ne 0 ]; then \
	  echo "make report: the page is built, but the sweep did not pass: the cases named above failed" >&2; exit 1; \
	fi

.PHONY: test
test: $(STAMP) compiler ## run the test suite
	@$(PY) -m pytest -n $(JOBS) --benchmark-disable

.PHONY: ci
ci: ## all that CI does: lint, the wheel alone, asv, a smoke sweep, the page, tests
	@bash .ci/run

.PHONY: lint
lint: $(STAMP) ## check style and types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

# Times first, while the machine is quiet. Each study goes on where it was interrupted.
LENGTH ?= quick
# OVER_BUDGET=1 begins the trainings although they take longer than their budget (BUDGET=2h), 10 minutes if quick.
OVER_BUDGET ?=
QUICK = $(if $(filter quick,$(LENGTH)),--quick)
TRAIN_OPTIONS = $(if $(filter file,$(origin BUDGET)),,--budget $(BUDGET)) $(if $(OVER_BUDGET),--over-budget)

.PHONY: worth
worth: $(STAMP) compiler ## is GEM worth it? layers, gradients, training (15 minutes; LENGTH=full: days on two cores)
	@case "$(LENGTH)" in quick|full) ;; *) echo "LENGTH must be quick or full; got '$(LENGTH)'" >&2; exit 2;; esac
	@trap 'exit 130' INT; failed=; \
	study() { \
	  echo "--- $$1"; code=0; $(PY) -m benchmarks "$$@" || code=$$?; \
	  if [ $$code -ne 0 ]; then failed="$$failed$${failed:+, }$$1 (exit code $$code)"; fi; \
	}; \
	for name in blocks flow dead; do study $$name $(QUICK); done; \
	study train $(QUICK) $(TRAIN_OPTIONS); \
	study shape; \
	page="the page is built, but"; built=0; \
	$(PY) -m reports build || { built=$$?; page="the page is not built, and"; }; \
	if [ -n "$$failed" ]; then echo "make worth: $$page these did not pass: $$failed" >&2; exit 1; fi; \
	exit $$built

# Commits to measure: anything that git rev-list takes, and at most STEPS of them, evenly spread. Those measured
# before are skipped, and each is stored when it is done, so interrupting costs the commit at hand.
RANGE ?=
STEPS ?= 0

.PHONY: history
history: $(STAMP) compiler ## measure with asv what is new on main (RANGE='v1..main' STEPS=20 for others)
	@$(PY) -m benchmarks.asv_history --range "$(RANGE)" --steps $(STEPS)

.PHONY: history-here
history-here: ## measure HEAD in the Python at hand (PYTHON=python3), without network or set-up
	@$${PYTHON:-python3} -m benchmarks.asv_history --here

.PHONY: gpu
gpu: $(STAMP) compiler ## on a machine with an NVIDIA GPU: check, measure and profile there (ARGS=--plan)
	@$(PY) -m benchmarks gpu $(ARGS)

BASE ?= main
HEAD ?=
BUDGET ?= 5m

# make itself ends with 2 on any verdict that counts, and prints the command's exit code: "Error 4"
.PHONY: compare
compare: $(STAMP) compiler ## was a change slower, less exact, larger? (BASE=main HEAD= BUDGET=5m ARGS='-k error')
	@$(PY) -m benchmarks compare $(BASE) $(HEAD) --budget $(BUDGET) $(ARGS)

.PHONY: publish
publish: $(STAMP) ## build the whole site: pages and asv's history
	@if ls reports/data/asv/*/machine.json >/dev/null 2>&1; then \
	  $(PY) -m asv publish && $(PY) -m reports build --nested .asv/html; \
	else $(PY) -m reports build; echo "No history yet: 'make history' measures it"; fi

.PHONY: clean
clean: ## remove environments, caches and built pages; records stay
	@rm -rf $(VENV) .asv reports/html build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# --- set-up ---------------------------------------------------------------------------------------------

# The active python3 if it will do, else any that will. venv is a package of its own on some systems.
define FIND_PYTHON
for python in $${PYTHON:-python3 python3.13 python3.12 python3.11}; do \
  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
    2>/dev/null; then echo "$$python"; exit; fi; \
done; \
echo "make: no Python 3.11, 3.12 or 3.13 with venv was found; install one (Debian: apt install python3-venv)," \
  "or name it: make PYTHON=/path/to/python" >&2; exit 1
endef

# An environment that is there is brought up to date, never emptied: it may be a link to somebody's own.
$(STAMP): pyproject.toml constraints.txt
	@if ! [ -x $(PY) ]; then \
	  python=$$($(FIND_PYTHON)); \
	  echo "Setting up $(VENV) with $$("$$python" -V); it takes a few minutes, mostly torch's download"; \
	  "$$python" -m venv $(VENV); \
	fi
	@$(PY) -m pip --disable-pip-version-check install --no-input -c constraints.txt -e '.[dev]' \
	  2> >(grep -v '^WARNING: Location' >&2) \
	  | sed -nu 's/^Collecting \([^ ]*\).*/  \1/p; s/^Installing collected packages:.*/  installing .../p'
	@touch $@

# torch.compile and cpp_fused need a C++ compiler and Python's headers; a missing one is said here, in a
# sentence. cpp_fused is compiled here, too, so that no measurement or test has to wait for it.
.PHONY: compiler
compiler: $(STAMP)
	@include=$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("include"))'); \
	echo '#include <Python.h>' | $(CXX) -x c++ -fsyntax-only -I"$$include" - 2>/dev/null || { \
	  echo "make: a C++ compiler is needed and Python's headers, and '$(CXX)' cannot compile against" \
	    "$$include. Debian: apt install g++ python3-dev; macOS: xcode-select --install;" \
	    "another compiler: make CXX=..." >&2; exit 1; }
	@$(PY) -m gem_impls.native
