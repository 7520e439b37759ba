# For Linux, with a Unix shell and GNU make; see docs/files.md, Platforms.
# Everything sets itself up: a virtual environment in .venv, then what the target needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SORDINO := $(BIN)/sordino
DATA ?=
MODEL := models/an4_rnnt_causal.npz
FIRST := models/an4_rnnt_g4_80.npz
WAV := models/utterances/enter-six-five.wav

RUNS ?= build/runs
FLOATS := an4_float an4_causal an4_more an4_wide an4_teacher an4_teacher_long an4_context
COMPRESSED := an4_causal_g4_80 an4_g4_80_short an4_layers an4_causal_single_80 an4_g4_80_b4 \
  an4_g4_80_b3 an4_g4_80_b2 an4_g4_50 an4_g4_90 an4_g4_95 an4_cosine an4_regional an4_csp an4_mixed
TAUGHT := an4_distilled an4_student
# A recipe, and the one that it goes on from.
SMALL := an4_taught:an4_more an4_taught_long:an4_taught an4_narrow_long:an4_taught_long \
  an4_taught_single:an4_more an4_single_long:an4_taught_single an4_broad:an4_more \
  an4_broad_long:an4_broad
TIMED := an4_causal an4_causal_g4_80 an4_cosine an4_regional an4_csp an4_mixed an4_distilled \
  an4_context an4_causal_mwer
BLANK := an4_causal an4_more an4_causal_g4_80 an4_taught an4_taught_long an4_narrow_long an4_mwer \
  an4_taught_single an4_single_long an4_broad an4_broad_long an4_broad_mwer
UNTRAINED := 8-0 5-0 4-0 3-0 2-0 5-0.5 5-0.8 5-0.9

.PHONY: help demo test lint types unit docs image report cocotb cosim-real wer beam fusion blank-penalty fuzz random \
  mutants bench synth estimate sweep codec cycles streaming row-reuse mlperf train-smoke training clean

help:
	@echo "make demo        compile the trained model, run a WAV on the exact machine and in RTL"
	@echo "make test        lint, types, tests, cocotb"
	@echo "make cocotb      the generated Verilog under Verilator with an AXI manager"
	@echo "make docs        write the generated reference pages"
	@echo "make image       compile the shipped model again into models/"
	@echo "make report      the shipped image's page, docs/results/report-an4-small.html"
	@echo "make wer         word error rates of docs/results/wer.md     (needs DATA=$(DATA))"
	@echo "make beam        beam search and n-gram, docs/results/beam.md  (needs DATA; minutes)"
	@echo "make fusion      weights of the n-gram, chosen speaker by speaker  (needs DATA; minutes)"
	@echo "make blank-penalty  word errors against the score of blank  (needs DATA and trainings; minutes)"
	@echo "make train-smoke a small training, from recordings to the exact machine (needs torch)"
	@echo "make training    the recipes of docs/results/training.md   (needs DATA; hours)"
	@echo "make cosim-real  40 real recordings, three machines, every bit (needs DATA; long)"
	@echo "make fuzz        flipped bits in images and loaded streams    (long)"
	@echo "make random      random layers and models on the compiled circuit     (long)"
	@echo "make mutants     break one thing at a time, see which tests turn red  (long)"
	@echo "make bench       sizes and cycles beside Vela, Huffman and the entropy (long)"
	@echo "make synth       place and route of one group for an ECP5             (long)"
	@echo "make estimate    synthesise a few machines, fit what sordino estimate says (long)"
	@echo "make sweep       the shipped model on a grid of machines (needs DATA=$(DATA); long)"
	@echo "make codec       the codes that were compared, their bits             (long)"
	@echo "make cycles      the cycle model against the circuit, and its speed   (long)"
	@echo "make mlperf      MLPerf's RNN-T at full size, one frame on the circuit (long)"
	@echo "make streaming   weights from external memory: rates, equality        (long)"
	@echo "make row-reuse   streamed weights read once for several frames        (long)"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Sordino needs Python 3.11 or newer; set PYTHON=python3.x" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.sim: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[sim]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[sim,cocotb,vela,sweep,dev]'
	@touch $@ $(VENV)/.sim $(VENV)/.vela

$(VENV)/.vela: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[sim,vela]'
	@touch $@ $(VENV)/.sim

$(VENV)/.synth: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[sim,synth]'
	@touch $@ $(VENV)/.sim

$(VENV)/.sweep: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[sim,sweep]'
	@touch $@ $(VENV)/.sim

$(VENV)/.train: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[sim,train]'
	@touch $@ $(VENV)/.sim

demo: $(VENV)/.sim
	@mkdir -p build
	$(SORDINO) compile $(MODEL) --config small -o build/an4.sordino
	$(SORDINO) run build/an4.sordino $(WAV) --engine rtl
	$(SORDINO) cosim build/an4.sordino $(WAV)

test: lint types unit cocotb

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

unit: $(VENV)/.dev
	$(BIN)/pytest -n 2 -q -m "not cocotb"

docs: $(VENV)/.sim
	$(BIN)/python -m sordino.reference docs

cocotb: $(VENV)/.dev
	$(BIN)/pytest -q -m cocotb -s tests/cosim

image: $(VENV)/.sim
	$(SORDINO) compile $(MODEL) --config small -o $(MODEL:.npz=.sordino)
	$(SORDINO) compile $(FIRST) --config small --weight-bits 5 -o $(FIRST:.npz=.sordino)

report: $(VENV)/.sim
	$(SORDINO) report $(MODEL:.npz=.sordino) -o docs/results/report-an4-small.html

# Every campaign of campaigns/catalogue.py: campaign-NAME, and by its name alone.
CAMPAIGNS := wer beam fusion blank-penalty cosim-real fuzz random mutants bench synth estimate sweep \
  codec cycles mlperf streaming row-reuse train-smoke

$(CAMPAIGNS): %: campaign-%

campaign-%: FORCE $(VENV)/.sim
	$(BIN)/python -m campaigns run $*

campaign-mutants: $(VENV)/.dev
campaign-bench: $(VENV)/.vela
campaign-synth campaign-estimate: $(VENV)/.synth
campaign-sweep: $(VENV)/.sweep
campaign-train-smoke: $(VENV)/.train

FORCE:

training: $(VENV)/.train
	for recipe in an4_float an4_teacher; do \
	  $(SORDINO) train recipes/$$recipe.toml --data $(DATA)/an4 -o $(RUNS)/$$recipe || exit; \
	done
	for recipe in an4_causal an4_context; do \
	  $(SORDINO) train recipes/$$recipe.toml --data $(DATA)/an4 -o $(RUNS)/$$recipe \
	    --start $(RUNS)/an4_float || exit; \
	done
	$(SORDINO) train recipes/an4_teacher_long.toml --data $(DATA)/an4 \
	  -o $(RUNS)/an4_teacher_long --start $(RUNS)/an4_teacher
	$(BIN)/python -m campaigns run synthetic-speech --count 3000 --like $(DATA)/an4 \
	  -o $(RUNS)/synthetic
	$(SORDINO) train recipes/an4_more.toml --data $(DATA)/an4 -o $(RUNS)/an4_more \
	  --start $(RUNS)/an4_causal --also $(RUNS)/synthetic
	$(SORDINO) train recipes/an4_wide.toml --data $(DATA)/an4 -o $(RUNS)/an4_wide \
	  --start $(RUNS)/an4_more --also $(RUNS)/synthetic
	for step in $(SMALL); do \
	  $(SORDINO) train recipes/$${step%:*}.toml --data $(DATA)/an4 -o $(RUNS)/$${step%:*} \
	    --start $(RUNS)/$${step#*:} --teacher $(RUNS)/an4_wide/model.npz \
	    --also $(RUNS)/synthetic || exit; \
	done
	for recipe in $(COMPRESSED); do \
	  $(SORDINO) train recipes/$$recipe.toml --data $(DATA)/an4 -o $(RUNS)/$$recipe \
	    --start $(RUNS)/an4_causal || exit; \
	done
	$(SORDINO) train recipes/an4_causal_mwer.toml --data $(DATA)/an4 -o $(RUNS)/an4_causal_mwer \
	  --start $(RUNS)/an4_causal
	for step in an4_mwer:an4_taught_long an4_broad_mwer:an4_broad_long; do \
	  $(SORDINO) train recipes/$${step%:*}.toml --data $(DATA)/an4 -o $(RUNS)/$${step%:*} \
	    --start $(RUNS)/$${step#*:} --also $(RUNS)/synthetic || exit; \
	done
	for recipe in $(TAUGHT); do \
	  $(SORDINO) train recipes/$$recipe.toml --data $(DATA)/an4 -o $(RUNS)/$$recipe \
	    --start $(RUNS)/an4_causal --teacher $(RUNS)/an4_wide/model.npz || exit; \
	done
	for run in $(UNTRAINED); do \
	  $(BIN)/python -m campaigns run post-training $(RUNS)/an4_causal --data $(DATA)/an4 \
	    --bits $${run%-*} --zeros $${run#*-} --shares layer_adaptive \
	    -o $(RUNS)/untrained-$$run || exit; \
	done
	$(SORDINO) train recipes/fsdd.toml --data $(DATA)/fsdd/recordings -o $(RUNS)/fsdd
	$(BIN)/python -m campaigns run training $(FLOATS:%=$(RUNS)/%) $(RUNS)/an4_causal_mwer \
	  $(foreach step,$(SMALL),$(RUNS)/$(firstword $(subst :, ,$(step)))) \
	  $(RUNS)/an4_mwer $(RUNS)/an4_broad_mwer \
	  $(COMPRESSED:%=$(RUNS)/%) $(TAUGHT:%=$(RUNS)/%) \
	  $(UNTRAINED:%=$(RUNS)/untrained-%) $(RUNS)/fsdd -o docs/results/training.md
	$(BIN)/python -m campaigns run training-time $(TIMED:%=recipes/%.toml) --data $(DATA)/an4 \
	  --start $(RUNS)/an4_causal --teacher $(RUNS)/an4_wide/model.npz \
	  -o docs/results/training-time.md
	$(BIN)/python -m campaigns run replay $(RUNS)/an4_broad_mwer \
	  $(RUNS)/an4_single_long $(COMPRESSED:%=$(RUNS)/%) \
	  $(TAUGHT:%=$(RUNS)/%) \
	  --data $(DATA)/an4 -o docs/results/replay.md

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
