# make run    sets up everything and serves          make run PORT=8010 DATABASE_URL=postgres://... DEMO=0
# make test   sets up everything and tests it        make check, make fix, make bench, make torture, make messages, make clean
PORT ?= 8000
DEMO ?= 1
DATABASE_URL ?=
PUBLIC_ADDRESS ?= http://127.0.0.1:$(PORT)
PYTHON ?= python3
BIN := .venv/bin
# Only files whose hashes are known, and only built ones: no stranger's setup.py is run.
INSTALL := install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
export DEMO DATABASE_URL PUBLIC_ADDRESS

.PHONY: run test check fix audit lock messages screenshots bench torture clean
.DEFAULT_GOAL := run

run: .venv/installed
	@if [ -n "$$DATABASE_URL" ] && [ "$$DEMO" = 1 ] && [ -z "$$SECRET_KEY" ]; then \
	  mkdir -p var; [ -s var/secret_key ] || (umask 077; $(BIN)/python -c "import secrets; print(secrets.token_urlsafe(50))" > var/secret_key); \
	  SECRET_KEY=$$(cat var/secret_key); export SECRET_KEY; fi; \
	exec $(BIN)/python manage.py serve --port $(PORT)

test: .venv/installed-dev
	@sh tests/run.sh

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml portal conditions manage.py
	$(BIN)/lint-imports
	git ls-files 'templates/*.html' | xargs $(BIN)/djade --target-version 5.2 --check
	DATABASE_URL= $(BIN)/python manage.py makemigrations --check --dry-run
	DATABASE_URL= $(BIN)/python manage.py check_migrations
	DATABASE_URL=sqlite:///:memory: SECRET_KEY=$$($(BIN)/python -c "import secrets; print(secrets.token_urlsafe(50))") PUBLIC_ADDRESS=https://portal.example DEMO=0 \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

fix: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	DATABASE_URL= $(BIN)/python manage.py settings_reference
	git ls-files 'templates/*.html' | xargs $(BIN)/djade --target-version 5.2 || true  # it exits 1 when it changed something

screenshots: .venv/installed-dev
	DJANGO_SETTINGS_MODULE=portal.settings $(BIN)/python -m tests.screenshots $(PUBLIC_ADDRESS)
	env -u DATABASE_URL -u DEMO -u PUBLIC_ADDRESS SCREENSHOTS=$(CURDIR)/docs/screenshots $(BIN)/pytest tests/journeys/test_editing_guide.py tests/journeys/test_translating_guide.py

bench: .venv/installed-dev
	@sh tests/bench/run.sh

# Hostile input at length, and a crawl with wapiti: some minutes, and only this machine is asked.
audit: .venv/installed-dev .venv/audit/installed
	env -u DATABASE_URL -u DEMO -u PUBLIC_ADDRESS FUZZ=20000 SECRET_KEY=tests-only-tests-only-tests-only-tests-only $(BIN)/pytest tests/security
	$(BIN)/python -m tests.audit

# wapiti wants other versions than we do, so it has a place of its own. Some of its packages are there as source only.
.venv/audit/installed: tests/audit/requirements.lock
	$(BIN)/python -m venv .venv/audit
	.venv/audit/bin/python -m pip $(subst --only-binary :all:,,$(INSTALL)) -r tests/audit/requirements.lock
	@touch $@

# After a change of requirements.txt or requirements-dev.txt: the hashes of every file of those versions.
lock: .venv/installed-dev
	for one in requirements requirements-dev; do $(BIN)/uv pip compile --quiet --no-config --no-deps --universal \
	  --python-version 3.11 --generate-hashes --no-annotate --no-header $$one.txt -o $$one.lock || exit 1; done

torture: .venv/installed-dev
	@sh tests/torture/run.sh

messages: .venv/installed-dev
	$(BIN)/python manage.py make_catalogues

clean:
	rm -rf .venv .pytest_cache .ruff_cache .import_linter_cache var/static

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv 2>/dev/null || { rm -rf .venv; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null; \
	  else echo "Python's venv module is missing. Install it: sudo apt-get install python3-venv"; exit 1; fi; $(PYTHON) -m venv .venv; }

.venv/installed: .venv/bin/python requirements.lock
	@echo "Installing what the portal runs on (once) ..."
	@$(BIN)/python -m pip $(INSTALL) -r requirements.lock
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	@echo "Installing what the tests need (once) ..."
	@$(BIN)/python -m pip $(INSTALL) -r requirements-dev.lock
	@touch $@
