# For Linux, with a Unix shell and GNU make; see docs/files.md, Platforms.
# Everything sets itself up: a virtual environment in .venv, then what the target needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SORDINO := $(BIN)/sordino
MODEL := models/voices_rnnt_causal.npz
OLDER := models/an4_rnnt_causal.npz
FIRST := models/an4_rnnt_g4_80.npz
WAV := models/utterances/enter-six-five.wav

# Folders that campaigns and tests read; none has to be set: DATA the recordings (an4/, fsdd/),
# MODELS models that do not ship, RUNS the trainings.
export DATA MODELS RUNS
ifdef DATA
export SORDINO_DATA := $(abspath $(DATA))
endif
ifdef MODELS
export SORDINO_MODELS := $(abspath $(MODELS))
endif

# A stamp for each list of extras in pyproject.toml. Every list holds `sim`, so that one that is
# installed will do where no more is asked for.
STAMPS := $(VENV)/extras
SIM := $(firstword $(wildcard $(STAMPS)/sim*) $(STAMPS)/sim)
DEV := $(STAMPS)/sim,cocotb,vela,sweep,serial,serve,litex,dev
VELA := $(STAMPS)/sim,vela
SYNTH := $(STAMPS)/sim,cocotb,synth
BOARDS := $(STAMPS)/sim,boards
SWEEP := $(STAMPS)/sim,sweep
TRAIN := $(STAMPS)/sim,train
SERVE := $(STAMPS)/sim,serve
VOICES := $(STAMPS)/sim,voices

# What can be measured is listed in campaigns/catalogue.py: campaign-NAME, or NAME alone.
CAMPAIGNS := wer beam beam-clock opus fusion phrases rerank-lm rerank endpoints-train endpoints name-lists blank-penalty cosim-real fuzz \
  endpoints-hour random mutants bench synth synth-whole boards estimate netlist cells \
  sweep layers codec cycles mlperf streaming row-reuse uart train-smoke training training-time replay \
  streaming-events serve-load post-training synthetic-speech \
  synthetic voices-eval voices-training

.PHONY: help campaigns demo test lint types unit docs image report cocotb clean FORCE $(CAMPAIGNS)

help: ## this text
	@sed -n 's/^\([a-z-]*\):.*## /make \1|/p' $(MAKEFILE_LIST) | \
	  while IFS='|' read -r name text; do printf '%-24s%s\n' "$$name" "$$text"; done
	@echo; echo "Measurements (recordings: DATA=FOLDER, float model: MODELS=FOLDER, trainings: RUNS=FOLDER):"
	@$(PYTHON) campaigns/catalogue.py

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Sordino needs Python 3.11 or newer; set PYTHON=python3.x" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

.PRECIOUS: $(STAMPS)/%
$(STAMPS)/%: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[$*]'
	@mkdir -p $(@D) && touch $@

demo: $(SIM) ## compile the trained model, run a WAV on the exact machine and in RTL
	@mkdir -p build
	$(SORDINO) compile $(MODEL) --config small -o build/voices.sordino
	$(SORDINO) run build/voices.sordino $(WAV) --engine rtl
	$(SORDINO) cosim build/voices.sordino $(WAV)

test: lint types unit cocotb ## lint, types, tests, cocotb

lint: $(DEV) ## ruff, and whether everything is formatted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV) ## mypy
	$(BIN)/mypy

unit: $(DEV) ## the tests without cocotb
	$(BIN)/pytest -n 2 --dist worksteal -q -m "not cocotb"

cocotb: $(DEV) ## the generated Verilog under Verilator with an AXI manager
	$(BIN)/pytest -q -m cocotb -s tests/cosim

docs: $(SIM) ## write the generated reference pages
	$(BIN)/python -m sordino.reference docs

image: $(SIM) ## compile the shipped models again into models/
	$(SORDINO) compile $(MODEL) --config small -o $(MODEL:.npz=.sordino)
	$(SORDINO) compile $(OLDER) --config small -o $(OLDER:.npz=.sordino)
	$(SORDINO) compile $(FIRST) --config small --weight-bits 5 -o $(FIRST:.npz=.sordino)

report: $(SIM) ## the shipped image's page, docs/results/report-voices-small.html
	$(SORDINO) report $(MODEL:.npz=.sordino) -o docs/results/report-voices-small.html

campaigns: $(SIM) ## what can be measured, as a table
	$(BIN)/python -m campaigns list

$(CAMPAIGNS): %: campaign-%

.SECONDEXPANSION:
campaign-%: $$(or $$(NEEDS_$$*),$$(SIM)) FORCE
	$(BIN)/python -m campaigns run $*

NEEDS_mutants := $(DEV)
NEEDS_bench := $(VELA)
NEEDS_synth := $(SYNTH)
NEEDS_synth-whole := $(SYNTH)
NEEDS_boards := $(BOARDS)
NEEDS_estimate := $(SYNTH)
NEEDS_netlist := $(SYNTH)
NEEDS_cells := $(SYNTH)
NEEDS_sweep := $(SWEEP)
NEEDS_serve-load := $(SERVE)
NEEDS_rerank-lm := $(TRAIN)
NEEDS_endpoints-train := $(TRAIN)
NEEDS_endpoints := $(TRAIN)
NEEDS_endpoints-hour := $(TRAIN)
NEEDS_train-smoke := $(TRAIN)
NEEDS_training := $(TRAIN)
NEEDS_training-time := $(TRAIN)
NEEDS_synthetic := $(VOICES)
NEEDS_voices-training := $(TRAIN)

clean: ## remove what was built, not the virtual environment
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
