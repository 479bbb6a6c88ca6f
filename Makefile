# Every target sets up what it needs under .cache/ and leaves nothing outside this folder.
# Needs: GNU make, git, a POSIX shell and Python 3.11 or newer (3.12 or newer for the newest ansible-core). No root.

# The first Python 3.11+ that really starts: a version manager's stand-ins may be on PATH and fail.
PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3 python3.14 \
	$$(command -v pyenv >/dev/null 2>&1 && ls -d "$$(pyenv root)"/versions/3.1[1-9]*/bin/python3 2>/dev/null); do \
	if "$$p" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo "$$p"; break; fi; done)
GATES := $(PYTHON) -B tests/gates/gates.py

.PHONY: help python demo test units lint sanity bench gates list clean

help:
	@echo 'make demo    a fleet of simulated routers: audited, set right, audited again; then a real one on the wire'
	@echo 'make test    everything that CI runs'
	@echo 'make units   the tests alone              make lint    the linters alone'
	@echo 'make sanity  ansible-test sanity          make bench   the benchmark (ARGS="...")'
	@echo 'make gates   what a release needs on top  make clean   remove .cache'
	@echo 'make list    all gates by name; tests/gates/gates.py run NAME runs one'

python:
	@test -n '$(PYTHON)' || { echo 'No Python 3.11 or newer with venv was found.' >&2; exit 2; }

demo: python
	@$(GATES) demo $(ARGS)

test: python
	@$(GATES) test

units: python
	@$(GATES) run units

lint: python
	@$(GATES) run style types changelog lint docs

sanity: python
	@$(GATES) run sanity

bench: python
	@$(GATES) bench $(ARGS)

gates: python
	@$(GATES) gates

list: python
	@$(GATES) list

clean:
	rm -rf .cache
