#!/bin/sh
# Everything in this folder, long, on PostgreSQL and then on SQLite. TORTURE_ROUNDS=1000, TORTURE_SEED=any number.
set -u
cd "$(dirname "$0")/../.." || exit 1
PATH="$PWD/.venv/bin:$PATH"
: "${TORTURE_ROUNDS:=1000}"
SECRET_KEY=tests-only-tests-only-tests-only-tests-only
export TORTURE_ROUNDS SECRET_KEY PYTHONDONTWRITEBYTECODE=1
unset DATABASE_URL DEMO PUBLIC_ADDRESS DEBUG
python manage.py compile_catalogues --verbosity 0 || exit 1
failed=0
python tests/postgres.py pytest tests/torture
case $? in
  0) ;;
  77) echo "On PostgreSQL: not run, because no PostgreSQL 15 or newer was found." ;;
  *) failed=1 ;;
esac
pytest tests/torture || failed=1
exit $failed
