# fewbit's front door. `make help` lists what there is. Every target makes .venv by itself when it is needed.

PYTHON  ?= python3
MODEL   ?= examples/digits/w1a1.onnx
IMAGES  ?=
INPUT   ?=
FOLDING ?=
WAVES   ?=
BENCH   ?=
ARGS    ?=
WORKERS ?= 2

VENV   := .venv
RUN    := $(VENV)/bin/python
FEWBIT := $(VENV)/bin/fewbit

# What is kept between runs goes with `make clean`.
export FEWBIT_CACHE ?= $(CURDIR)/build/cache

# Verilator's makefiles call plain `python`, which Debian does not have outside a virtual environment.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

# $(call given,NAME): what was given for NAME as one word of the shell, whatever is in it.
given = '$(subst ','\'',$(value $(1)))'

SIM_OPTIONS = $(if $(IMAGES),--images $(call given,IMAGES)) $(if $(INPUT),--input $(call given,INPUT)) \
  $(if $(FOLDING),--folding $(call given,FOLDING)) $(if $(filter-out 0,$(WAVES)),--waves)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two targets must not install into one environment at once.
.NOTPARALLEL:
.PHONY: help sim verilog compare bench scale cost survey test fuzz test-quick test-all train docs lint clean doctor doctor-test moved

help: ## List the targets
	@echo "make TARGET [MODEL=path.onnx] [IMAGES=images.npz] [INPUT=…] [FOLDING=…] [WAVES=1] [ARGS=…]"
	@echo "PYTHON=python3.12 names the Python that makes $(VENV)."
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

sim: doctor $(VENV)/.for-use ## Build MODEL's accelerator, simulate it, check every bit against the golden model
	@printf 'fewbit: simulating %s\n' $(call given,MODEL)
	@$(FEWBIT) sim $(call given,MODEL) $(SIM_OPTIONS) $(ARGS)

verilog: $(VENV)/.for-use ## Write MODEL's accelerator as Verilog
	@printf 'fewbit: writing Verilog for %s\n' $(call given,MODEL)
	@$(FEWBIT) verilog $(call given,MODEL) $(if $(INPUT),--input $(call given,INPUT)) \
	  $(if $(FOLDING),--folding $(call given,FOLDING)) $(ARGS)

compare: doctor $(VENV)/.for-use ## Compare MODEL with the float32 baseline: cycles, LUTs, accuracy
	@printf 'fewbit: comparing %s with its float32 baseline\n' $(call given,MODEL)
	@$(FEWBIT) compare $(call given,MODEL) $(SIM_OPTIONS) $(ARGS)

bench: doctor $(VENV)/.for-use ## Measure time and memory of every step and write docs/benchmarks.md and docs/scale.md; or of BENCH=path.onnx
	@echo "fewbit: measuring"
	@$(RUN) -m bench.run $(BENCH) $(ARGS)

scale: doctor $(VENV)/.for-use ## Measure every step for deep and wide networks and write docs/scale.md; hours
	@echo "fewbit: measuring how time, memory and hardware grow"
	@$(RUN) -m bench.scale.run $(ARGS)

cost: $(VENV)/.for-use ## Synthesize a multiplication in every format and write docs/cost.md: what "200 times" means today
	@echo "fewbit: measuring what a multiplication costs"
	@$(RUN) -m bench.cost.measure $(ARGS)

survey: doctor $(VENV)/.for-training ## Train and build every quantization method and write docs/survey.md; ARGS=fashion: Fashion-MNIST
	@echo "fewbit: surveying quantization methods"
	@$(RUN) -m bench.survey.run $(ARGS)

train: $(VENV)/.for-training ## Train the example models anew (installs JAX)
	@echo "fewbit: training"
	@$(FEWBIT) train $(ARGS)

docs: $(VENV)/.for-docs ## Build the pages of docs/ as a site, build/site/index.html
	@echo "fewbit: building the site"
	@NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --quiet --strict $(ARGS)
	@echo "fewbit: build/site/index.html"

test: doctor doctor-test lint ## Check style and run all tests but the slow ones
	@echo "fewbit: running the tests, without the slow ones"
	@FEWBIT_MODEL=$(call given,MODEL) FEWBIT_IMAGES=$(call given,IMAGES) FEWBIT_INPUT=$(call given,INPUT) \
	  $(RUN) -m pytest -q -n $(WORKERS) -m "not slow" $(ARGS)

test-quick: $(VENV)/.for-tests ## Run the tests that take a moment, and need no simulator, compiler or synthesis
	@echo "fewbit: running the tests that are quick and need no tools"
	@$(RUN) -m pytest -q -n $(WORKERS) -m "not tools and not slow" $(ARGS)

test-all: doctor doctor-test lint ## Check style and run every test
	@echo "fewbit: running every test"
	@FEWBIT_MODEL=$(call given,MODEL) FEWBIT_IMAGES=$(call given,IMAGES) FEWBIT_INPUT=$(call given,INPUT) \
	  $(RUN) -m pytest -q -n $(WORKERS) $(ARGS)

fuzz: doctor $(VENV)/.for-tests ## Compare thousands of random arrays and units with golden, in Verilator
	@echo "fewbit: sweeping"
	@$(RUN) -m tests.sweep.run $(ARGS)

lint: $(VENV)/.for-tests ## Check style only
	@echo "fewbit: checking style"
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m ruff format --check --quiet . \
	  || { echo "fewbit: some files are not formatted: run $(VENV)/bin/ruff format" >&2; exit 1; }

clean: ## Delete build/, everything that was generated; .venv stays
	rm -rf build

# --- the environment ---------------------------------------------------------------------------------------------

# A virtual environment knows its own place, so one that was moved is installed again.
ifneq ($(shell cat $(VENV)/.place 2>/dev/null),$(CURDIR))
MOVED := moved
endif

NO_PYTHON = fewbit: $(PYTHON) is missing: install the Debian packages python3 and python3-venv, or set PYTHON=.

# PYTHON only makes the environment; once there is one, its own Python is what counts. $(call examine,checks)
define examine
	@python='$(RUN)'; "$$python" -c '' 2>/dev/null || python='$(PYTHON)'; \
	command -v "$$python" >/dev/null || { echo "$(NO_PYTHON)" >&2; exit 2; }; \
	"$$python" -I flow/doctor.py $(1)
endef

# Before an install, which is long, and before each simulation, because a compiler may have gone since.
doctor:
	$(call examine,install simulate)

doctor-test:
	$(call examine,test)

# $(call install,extras,what is installed,stamps): stamps are touched only once pip has succeeded.
define install
	$(call examine,install)
	@$(RUN) -m pip --version >/dev/null 2>&1 || '$(PYTHON)' -m venv --clear $(VENV)
	@echo "fewbit: installing $(2) into $(VENV), which takes a minute or a few (log: $(VENV)/install.log)"
	@rm -f $(VENV)/.for-*
	@$(RUN) -m pip install --disable-pip-version-check --no-input -c constraints.txt -e '.$(1)' \
	  >$(VENV)/install.log 2>&1 \
	  || { tail -n 15 $(VENV)/install.log >&2; echo "fewbit: the install failed, see $(VENV)/install.log" >&2; exit 2; }
	@printf '%s\n' $(call given,CURDIR) >$(VENV)/.place
	@touch $(addprefix $(VENV)/.for-,$(3))
endef

$(VENV)/.for-use: pyproject.toml constraints.txt $(MOVED)
	$(call install,[all$(comma)tflite],the packages (0.7 GB),use)

$(VENV)/.for-training: pyproject.toml constraints.txt $(MOVED)
	$(call install,[all$(comma)tflite$(comma)train$(comma)mnist],the packages and JAX (1.4 GB),use training)

$(VENV)/.for-docs: pyproject.toml constraints.txt $(MOVED)
	$(call install,[all$(comma)tflite$(comma)docs],the packages and what makes the site (0.8 GB),use docs)

$(VENV)/.for-tests: pyproject.toml constraints.txt $(MOVED)
	$(call install,[all$(comma)dev$(comma)train$(comma)mnist],the packages and JAX and the test tools (1.5 GB),use training docs tests)

comma := ,
