# Everything runs from a virtual environment in .venv, which the first target that needs it makes.
# Needs: python3 (3.11 or newer, with venv) and a C compiler.

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

SOURCES := pyproject.toml setup.py README.md $(shell find pyggc -type f ! -name '*.so' ! -path '*/__pycache__/*')
C_SOURCES = $(shell find pyggc tests -name '*.h' -o -name '*.c' -o -name '*.inc' -o -name '*.cu' -o -name '*.cpp')

# Files that "make sanitize" decodes in the sanitized build; the target that "make fuzz" runs, and for how many seconds.
COUNT ?= 4000
TARGET ?= pixels
SECONDS ?= 60

.PHONY: help install test demo lint format docs sdist sanitize fuzz clean

help:
	@echo "make demo     encode and decode a photograph, beside JPEG and WebP of the same size"
	@echo "make test     build, install and run the tests on the installed package"
	@echo "make lint     ruff, cython-lint, mypy and clang-format, changing nothing"
	@echo "make format   ruff and clang-format, in place"
	@echo "make docs     the documentation, warnings as errors, with its examples run"
	@echo "make sdist    the source distribution, in dist/"
	@echo "make sanitize hostile files under AddressSanitizer and UBSan; COUNT=4000 of them"
	@echo "make fuzz     Atheris on one decoder entry; TARGET=pixels SECONDS=60 (tests/fuzz/targets.py has the names)"
	@echo "make clean    remove everything that these targets made"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# Old copies of removed modules would be installed again from build/*/lib*.
$(VENV)/installed: $(SOURCES) | $(BIN)/python
	rm -rf build/*/lib*
	$(BIN)/python -m pip install --quiet '.[test]'
	touch $@

# By its name: what is installed is not built again, and its extra has what is missing.
$(VENV)/developing: pyproject.toml $(VENV)/installed
	$(BIN)/python -m pip install --quiet 'pyggc[dev]'
	touch $@

install: $(VENV)/installed

# The pytest command, unlike "python -m pytest", leaves the source folder off the path: the installed package is tested,
# and with --pyargs the examples in its docstrings as well.
test: $(VENV)/installed
	$(BIN)/pytest --doctest-modules --pyargs tests pyggc $(PYTEST_ARGS)

demo: $(VENV)/installed
	$(BIN)/python examples/demo.py demo-output

lint: $(VENV)/developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	. $(BIN)/activate && cython-lint pyggc  # It looks for pycodestyle on the path.
	$(BIN)/mypy
	$(if $(C_SOURCES),$(BIN)/clang-format --dry-run -Werror $(C_SOURCES))

format: $(VENV)/developing
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(if $(C_SOURCES),$(BIN)/clang-format -i $(C_SOURCES))

docs: $(VENV)/developing
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -q -b doctest docs docs/_build/doctest
	@echo "the documentation is in docs/_build/html/index.html"

sdist: $(VENV)/developing
	$(BIN)/python -m build --sdist --outdir dist .

sanitize: $(VENV)/installed
	tests/fuzz/sanitized python tests/fuzz/battery.py --count $(COUNT) --small-limits

$(VENV)/fuzzing: pyproject.toml $(VENV)/installed
	$(BIN)/python -m pip install --quiet '.[fuzz]'
	touch $@

fuzz: $(VENV)/fuzzing
	$(BIN)/python tests/fuzz/fuzz.py $(TARGET) -max_total_time=$(SECONDS)

clean:
	rm -rf $(VENV) build dist demo-output docs/_build docs/generated *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find pyggc tests examples docs -name __pycache__ -type d -prune -exec rm -rf {} +
	find pyggc -name '*.so' -delete
