# `make` lists the targets. All targets use the virtual environment $(VENV), which
# is built on first use from requirements/lock.txt.

PYTHON = python3
VENV = .venv
TORCH_OPTIONS =
PYTEST_OPTIONS =
CONFIG =
CHECKPOINT =
ARGS =

DEMO = work_dirs/demo

LOCK = requirements/lock.txt
HASHES = requirements/hashes.txt
CUDA = requirements/cuda.txt
DOCS = requirements/docs.txt
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
# The shell reads the path of this folder from its environment: in a recipe it would
# run commands that the path contains.
export FOLDER := $(CURDIR)
SERVED = $$(cat $(LOCK) $(HASHES) $(CUDA) | cksum) $$FOLDER
PIP = $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install install-now same-python demo test test-fast train \
    evaluate lint docs doctor clean

help:
	@echo 'Usage: make TARGET [VARIABLE=value ...]'
	@echo
	@echo 'Targets'
	@echo '  install   build $(VENV) (the other targets do it on first use)'
	@echo '  demo      render faces, train, test and show a small model'
	@echo '  test      run the tests (PYTEST_OPTIONS)'
	@echo '  test-fast run the tests that are not slow (PYTEST_OPTIONS)'
	@echo '  train     train a model (CONFIG, ARGS)'
	@echo '  evaluate  evaluate a checkpoint (CONFIG, CHECKPOINT, ARGS)'
	@echo '  lint      check style, format and types'
	@echo '  docs      build the pages and the API reference in docs/_build'
	@echo '  doctor    report versions and active workarounds'
	@echo '  clean     remove $(VENV), caches and build outputs'
	@echo
	@echo 'Variables'
	@echo '  CONFIG=configs/...py     the experiment to train or evaluate'
	@echo '  CHECKPOINT=....pth       the weights to evaluate'
	@echo '  ARGS="..."               more options of tools/train.py, test.py'
	@echo '  PYTEST_OPTIONS="..."     more options of pytest, or test files'
	@echo '  PYTHON=python3.11        the interpreter, 3.10 to 3.12 ($(PYTHON))'
	@echo '  VENV=...                 the virtual environment ($(VENV))'
	@echo '  TORCH_OPTIONS="..."      options of `pip install torch`, such as'
	@echo '                           the --index-url of its CPU builds'

say = echo "$(strip $(1))" 'Install Python 3.10, 3.11 or 3.12 with venv,' \
    'and name it, for example: make PYTHON=python3.11 install' >&2

# A shell reads its first lines, Python all of it: to Python they are a string. It
# works through a link and in any folder; `python -m` would first import modules
# of the current folder.
define LAUNCHER
#!/bin/sh
'''exec' "$$(dirname "$$(readlink -f "$$0")")/python" "$$0" "$$@"
' '''
import sys

from rcn_mmpose.cli import main

sys.exit(main())
endef
export LAUNCHER

# The stamp holds a checksum of the lock files and the path of this folder. The stamp
# is written last, so that an interrupted install is repeated. Contents are compared,
# not times: a clone gives files new times.
install:
	@test "$$(cat '$(STAMP)' 2>/dev/null)" = "$(SERVED)" \
	    || $(MAKE) --no-print-directory install-now

ifneq ($(origin PYTHON),file)
install: same-python
endif

# An environment of another Python than PYTHON=... is an error.
same-python:
	@test ! -x '$(BIN)/python' \
	    || test "$$($(PYTHON) -V)" = "$$($(BIN)/python -V)" || { \
	    echo "$(VENV) was built with $$($(BIN)/python -V), but PYTHON=$(PYTHON)" \
	        "is $$($(PYTHON) -V). Run make clean first, or name another" \
	        "folder: make PYTHON=$(PYTHON) VENV=.venv-other install" >&2; \
	    exit 1; }

install-now:
	@$(PYTHON) -c '' 2>/dev/null || { $(call say, \
	    PYTHON=$(PYTHON) does not run.); exit 1; }
	@$(PYTHON) -c 'import sys; \
	    sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
	    || { $(call say, PYTHON=$(PYTHON) is $$($(PYTHON) --version).); \
	    exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(call say, \
	    PYTHON=$(PYTHON) has no venv or no ensurepip; on Debian and Ubuntu \
	    install python3-venv.); exit 1; }
	@echo '[1/3] virtual environment $(VENV)'
	@rm -f '$(STAMP)'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 \
	    || $(PYTHON) -m venv --clear '$(VENV)'
	@echo '[2/3] packages of $(LOCK), without torch'
	@$(PIP) install --no-deps --require-hashes --only-binary=:all: -r $(HASHES)
	@echo '[3/3] torch and its dependencies'
	@$(PIP) install $(TORCH_OPTIONS) --only-binary=:all: -c $(LOCK) \
	    -c $(CUDA) torch
	@printf '%s\n' "$$FOLDER" > "$$($(BIN)/python -c 'import sysconfig; \
	    print(sysconfig.get_path("purelib"))')/rcn_mmpose.pth"
	@$(BIN)/python -c 'import setuptools; setuptools.setup()' -q egg_info
	@printf '%s\n' "$$LAUNCHER" > '$(BIN)/rcn-mmpose'
	@chmod 755 '$(BIN)/rcn-mmpose'
	@echo "$(SERVED)" > '$(STAMP)'
	@echo 'Done: $(VENV) is ready.'

# Each step resumes where an earlier call was interrupted. After Ctrl-C the last
# line of a step names this command.
demo: export RCN_MMPOSE_RESUME = make demo
demo: install
	@echo '[1/4] render 4,400 faces into data/synthetic'
	@$(BIN)/python tools/render_faces.py --out data/synthetic \
	    --train 4000 --val 100 --test 300 --seed 1 --workers 2
	@echo '[2/4] train on 4,000 faces'
	@$(BIN)/python tools/train.py configs/rcn_synthetic.py --resume \
	    --device-data --amp auto --work-dir $(DEMO)
	@echo '[3/4] test on 300 faces'
	@$(BIN)/python tools/test.py configs/rcn_synthetic.py \
	    $(DEMO)/best.pth --work-dir $(DEMO)/test \
	    --dump $(DEMO)/predictions.pkl
	@echo '[4/4] report'
	@$(BIN)/python tools/report.py configs/rcn_synthetic.py \
	    $(DEMO)/predictions.pkl --out $(DEMO)/report

test: install
	@$(BIN)/python -m pytest $(PYTEST_OPTIONS)

test-fast: install
	@$(BIN)/python -m pytest -m 'not slow' $(PYTEST_OPTIONS)

train:
	@test -n '$(CONFIG)' || { echo "make train needs CONFIG, the experiment" \
	    "to train: make train CONFIG=configs/...py" >&2; exit 1; }
	@$(MAKE) --no-print-directory install
	@$(BIN)/python tools/train.py $(CONFIG) $(ARGS)

evaluate:
	@test -n '$(CONFIG)' && test -n '$(CHECKPOINT)' || { \
	    echo "make evaluate needs CONFIG and CHECKPOINT: make evaluate" \
	        "CONFIG=configs/...py CHECKPOINT=work_dirs/....pth" >&2; exit 1; }
	@$(MAKE) --no-print-directory install
	@$(BIN)/python tools/test.py $(CONFIG) $(CHECKPOINT) $(ARGS)

lint: install
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy

# The first use installs Sphinx from the pinned list $(DOCS).
docs: install
	@$(BIN)/python -c 'import furo, myst_parser, sphinx' 2>/dev/null \
	    || $(PIP) install --no-deps --only-binary=:all: -r $(DOCS)
	@$(BIN)/python -m sphinx -b html -W --keep-going -q docs docs/_build
	@echo 'Done: docs/_build/README.html'

doctor: install
	@$(BIN)/python -m rcn_mmpose doctor

clean:
	rm -rf '$(VENV)' .pytest_cache .ruff_cache .dist_test build dist \
	    docs/_build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
