# make run     install what is needed and start the bot
# make test    install what the tests need, check the code, run the tests
# All targets may be called again at any time; what is done already takes no time.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install run test check bench eval-turns eval-speech lock clean

export VENV ?= .venv
CONFIG ?= config.toml
TESTS ?=
STAGES ?=

help:
	@echo "make install      .venv with the packages of requirements.lock"
	@echo "make run          install, then start the bot (CONFIG=config.toml)"
	@echo "make check        ruff, mypy and the import contracts"
	@echo "make test         install what the tests need, check, then pytest (TESTS=tests/engine)"
	@echo "make bench        measure; figures go to var/figures/bench.json"
	@echo "make eval-turns   judge turns and barge-in; var/figures/turns.json, docs/turns.md (STAGES=echo)"
	@echo "make eval-speech  word error rates and speed; var/figures/speech.json, docs/speech.md (STAGES=speed)"
	@echo "make lock         resolve pyproject.toml again and write the locks"
	@echo "make clean        remove .venv and the caches; calls and recordings in var/ stay"

install:
	@scripts/install run

run: install
	@exec $(VENV)/bin/python -m bot serve -c $(CONFIG)

check:
	@scripts/install check
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy --strict bot
	PYTHONPATH=. $(VENV)/bin/lint-imports

test: check
	@scripts/install test
	$(VENV)/bin/python -m pytest $(TESTS)

bench:
	@scripts/install test
	$(VENV)/bin/python -m tests.bench

eval-turns:
	@scripts/install test
	$(VENV)/bin/python -m tests.eval $(STAGES)

eval-speech:
	@scripts/install test
	$(VENV)/bin/python -m tests.speech_eval $(STAGES)

lock:
	@scripts/lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find bot tests -name __pycache__ -type d -prune -exec rm -rf {} +
