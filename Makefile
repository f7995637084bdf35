# The commands that one needs while working on the project. README.md has those of an owner.
BIN := .venv/bin
PIN := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-annotate --no-header -q --extra install

.PHONY: install test check dev ci pins

install:
	python3 -m venv .venv
	$(BIN)/pip install -q -r requirements-dev.txt
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .

test:
	$(BIN)/pytest

check:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/dg check defs

dev:
	$(BIN)/dagster dev

ci:
	.ci/run

pins:
	$(PIN) -o requirements.txt
	$(PIN) --extra dev -c requirements.txt -o requirements-dev.txt
