#!/bin/sh
# Figures, not tests: nothing here passes or fails by the clock.
set -u
cd "$(dirname "$0")/../.." || exit 1
PATH="$PWD/.venv/bin:$PATH"
export SECRET_KEY=bench-only-bench-only-bench-only-bench-only PYTHONDONTWRITEBYTECODE=1
unset DATABASE_URL DEMO PUBLIC_ADDRESS DEBUG
failed=0
# Those two go through both databases themselves, and write docs/benchmarks.md.
python -m tests.bench.serving || failed=1
python -m tests.bench.scale || failed=1
for each in tests.bench.searching tests.bench.add_language tests.bench.corpora; do
  python -m "$each" || failed=1
  python tests/postgres.py python -m "$each"
  case $? in 0) ;; 77) echo "PostgreSQL: not run, because no PostgreSQL 15 or newer was found" ;; *) failed=1 ;; esac
done
exit $failed
