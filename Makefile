# Each target works on a fresh clone with Python 3.11 or newer, and again without a network.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: dist demo test lint bench docs clean

demo: .venv/demo.stamp
	$(BIN)/python -m problems.blackbox.demo

test: .venv/dev.stamp
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: .venv/dev.stamp
	for name in import_time engine ray_workers llm_client masks offline_model trees levels report expressions; do $(BIN)/python -m tests.benchmarks.speed.$$name || exit 1; done

docs: .venv/docs.stamp
	$(BIN)/python -m sphinx -q -E -a -W --keep-going -c docs/site -d build/doctrees . build/docs
	@echo "the pages are in build/docs/index.html"

# Both archives, each installed into an environment of its own, where the README's first example runs.
dist: .venv/dev.stamp
	rm -rf dist && $(BIN)/python -m hatchling build && mkdir -p build
	awk '/^```python/ {inside = 1; next} /^```/ {if (inside) exit} inside' README.md > build/quick_start.py
	for file in dist/*; do \
	    rm -rf build/clean && $(PYTHON) -m venv build/clean && \
	    build/clean/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	        "evollm[local,blackbox] @ file://$(CURDIR)/$$file" && \
	    (cd build && clean/bin/python -I quick_start.py) || exit 1; \
	done

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[local,blackbox]'
	touch $@

.venv/dev.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[local,blackbox,trees,prompts,compression,tune,notebook,mlflow,tensorboard,terminal,tasks,dev]'
	touch $@ .venv/demo.stamp

.venv/docs.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[docs]'
	touch $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache build dist
