# make run     install what is needed and start the bot
# make test    install what the tests need, check the code, run the tests
# make coqui   the voices of Coqui on top (torch)
# All targets may be called again at any time; what is done already takes no time.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install run coqui test test-engine test-coqui test-browser test-rest test-leaks test-telephone check bench bench-browser conformance parity eval-turns eval-speech lock clean

# Else each of the hundreds of processes of the tests compiles what it imports: 8 s instead of 3.
unexport PYTHONDONTWRITEBYTECODE
export VENV ?= .venv
CONFIG ?= config.toml
TESTS ?=
COQUI ?= yes
STAGES ?=
CASES ?=

help:
	@echo "make install      .venv with the packages of requirements.lock"
	@echo "make run          install, then start the bot (CONFIG=config.toml)"
	@echo "make coqui        install, then what the voices of Coqui need (torch: 1.2 GB, with CUDA more)"
	@echo "make check        ruff, mypy and the import contracts"
	@echo "make test         install what the tests need, check, then pytest (TESTS=tests/engine)"
	@echo "make test-coqui   the tests of Coqui, part of make test (COQUI=no leaves them out)"
	@echo "make bench        measure; figures go to var/figures/bench.json"
	@echo "make bench-browser  browser calls: click to audio, gaps, CPU, leaks; var/figures/browser.json"
	@echo "make parity       the same calls by SIP and WebRTC; var/figures/parity.json"
	@echo "make conformance  SIP, case by case, torture, floods; var/figures/conformance.json, docs/sip.md"
	@echo "make eval-turns   judge turns and barge-in; var/figures/turns.json, docs/turns.md (STAGES=echo)"
	@echo "make eval-speech  word error rates and speed; var/figures/speech.json, docs/speech.md (STAGES=speed)"
	@echo "make lock         resolve pyproject.toml again and write the locks"
	@echo "make clean        remove .venv, .venv-coqui and the caches; calls and recordings in var/ stay"

install:
	@scripts/install run

run: install
	@exec $(VENV)/bin/python -m bot serve -c $(CONFIG)

coqui:
	@scripts/install coqui

check:
	@scripts/install check
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy --strict bot
	PYTHONPATH=. $(VENV)/bin/lint-imports

# Two lanes: browsers wait for voices most of the time, and beside them and after them runs what
# needs no quiet machine. Telephone calls wait, too: two at once, those that take long first, and
# the engine's tests, which only calculate, in their pauses. Last, and alone, what measures the
# machine. What waits for minutes is `make conformance`'s.
LANES = test-rest test-browser check test-leaks $(if $(filter yes,$(COQUI)),test-coqui)
PAUSES = test-telephone test-engine
LEAKS = tests/sip/test_many_calls.py
MEASURED = $(addprefix tests/,sip/test_talk.py sip/test_caller.py \
    support/test_wire.py legs/test_audio_path.py legs/test_sip_delays.py \
    legs/test_webrtc_clock.py legs/test_webrtc_delays.py legs/test_webrtc_chromium.py)
BROWSER_LEGS = $(filter-out $(MEASURED),$(wildcard tests/legs/test_webrtc*.py))
LONG = tests/sip/test_flood.py tests/legs/test_sip_session_timer.py
TELEPHONE = tests/sip tests/contracts tests/legs
ELSEWHERE = tests/coqui tests/engine tests/browser $(TELEPHONE) tests/support/test_wire.py

# Phrases that bots under test have rendered, for those that start later.
export TEST_PHRASES = $(CURDIR)/.pytest_cache/phrases

test:
	@scripts/install test
	@rm -rf $(TEST_PHRASES)
ifneq ($(TESTS),)
	@$(MAKE) --no-print-directory check
	$(VENV)/bin/python -m pytest $(TESTS)
else
	@$(MAKE) --no-print-directory --jobs=2 --output-sync $(LANES)
	@$(MAKE) --no-print-directory --jobs=2 --output-sync $(PAUSES)
	$(VENV)/bin/python -m pytest $(MEASURED)
ifneq ($(COQUI),yes)
	@echo "Coqui was not tested: COQUI=$(COQUI)"
endif
endif

test-telephone:
	$(VENV)/bin/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder \
	    $(TELEPHONE) --ignore-glob='*/test_webrtc*' $(addprefix --ignore=,$(MEASURED) $(LONG) $(LEAKS))

test-leaks:
	$(VENV)/bin/python -m pytest $(LEAKS)

test-engine:
	scripts/behind $(VENV)/bin/python -m pytest tests/engine

test-coqui:
	@scripts/install test-coqui
	$(VENV)-coqui/bin/python -m pytest tests/coqui

test-browser:
	$(VENV)/bin/python -m pytest tests/browser
	$(VENV)/bin/python -m pytest $(BROWSER_LEGS)

test-rest:
	$(VENV)/bin/python -m pytest $(addprefix --ignore=,$(ELSEWHERE))

bench:
	@scripts/install test
	$(VENV)/bin/python -m tests.bench

bench-browser:
	@scripts/install test
	$(VENV)/bin/python -m tests.bench.browser $(STAGES)

parity:
	@scripts/install test
	$(VENV)/bin/python -m tests.parity

conformance:
	@scripts/install test
	$(VENV)/bin/python -m tests.sip.conformance $(CASES)
ifeq ($(CASES),)
	$(VENV)/bin/python -m pytest $(LONG)
endif

eval-turns:
	@scripts/install test
	$(VENV)/bin/python -m tests.eval $(STAGES)

eval-speech:
	@scripts/install test
	$(VENV)/bin/python -m tests.speech_eval $(STAGES)

lock:
	@scripts/lock

clean:
	rm -rf $(VENV) $(VENV)-coqui .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find bot tests -name __pycache__ -type d -prune -exec rm -rf {} +
