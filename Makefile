# Two commands matter: `make run` and `make test`. Each sets up by itself what it needs.
PYTHON ?= python3
BIN := .venv/bin
WHAT ?= check
# Where compiled modules are not kept, every process that starts spends two seconds compiling the same files again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-dev run test lint format soak bench catalogues scorecard

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: ## Install what `make run` needs: system packages, .venv, models, front-end assets
	@$(PYTHON) -m scripts.setup

setup-dev:
	@$(PYTHON) -m scripts.setup --dev

run: setup ## Start everything with a demo school; Ctrl-C stops it
	@exec $(BIN)/python -m app.supervisor

test: setup-dev lint ## Linter, types, import rules and all tests
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: setup-dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports
	@$(BIN)/python -m scripts.pages

format: setup-dev ## Lay out code and pages
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format . && $(BIN)/python -m scripts.pages --write

soak: setup-dev ## The same tests with large budgets
	@CAIXIANG_SOAK=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: setup-dev ## Measurements: make bench WHAT=check|codes|duplicates|matting|upload|review|export|money|finance|pages
	@$(BIN)/python -m tests.bench.$(WHAT)

catalogues: setup-dev ## Collect every text into the English catalogue
	@$(BIN)/python -m scripts.catalogues

scorecard: setup-dev ## Score the checker on labelled pictures into docs/
	@$(BIN)/python -m tests.scorecard
