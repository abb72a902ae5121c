#!/bin/sh
# The whole suite on PostgreSQL, then on SQLite. Says what could not run. REQUIRE_ALL=1 makes that a failure.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH="$PWD/.venv/bin:$PATH"
REPORT=$(mktemp)
export PYTHONDONTWRITEBYTECODE=1 NOT_RUN_REPORT="$REPORT"
unset DATABASE_URL DEMO PUBLIC_ADDRESS DEBUG
SECRET_KEY=tests-only-tests-only-tests-only-tests-only
export SECRET_KEY

want() { # want "what it is for" command-or-test package...
  why=$1; have=$2; shift 2
  eval "$have" >/dev/null 2>&1 && return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing $* ($why) ..."
    if [ -z "${UPDATED:-}" ]; then apt-get update -qq; UPDATED=1; fi
    # RUNLEVEL=1: what is installed for tests does not begin to serve.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1
  fi
  eval "$have" >/dev/null 2>&1 || echo "$why: not run, because $* is not installed and this account cannot install it (sudo apt-get install $*)" >> "$REPORT"
}
want "browser journeys" "command -v chromium || command -v chromium-browser || command -v google-chrome" chromium
want "the suite on PostgreSQL" "ls /usr/lib/postgresql/1[5-9]/bin/initdb || command -v initdb" postgresql
want "XLIFF through OmegaT" "command -v omegat" omegat
want "valid HTML (the Nu checker)" "command -v java" default-jre-headless
if [ ! -e .venv/vnu.jar ]; then
  want "valid HTML (the Nu checker)" "command -v npm" npm
  npm pack --silent vnu-jar@26.9.27 --pack-destination .venv >/dev/null 2>&1 &&
    tar xzf .venv/vnu-jar-26.9.27.tgz -C .venv package/build/dist/vnu.jar && mv .venv/package/build/dist/vnu.jar .venv/
  rm -rf .venv/package .venv/vnu-jar-26.9.27.tgz
fi
want "a copy of the site behind nginx" "command -v nginx || test -x /usr/sbin/nginx" nginx
want "two machines in network namespaces" "command -v ip" iproute2
want "a cache in front of the portal" "command -v varnishd || test -x /usr/sbin/varnishd" varnish
want "the systemd units" "command -v systemd-analyze" systemd
want "collecting interface words" "command -v xgettext" gettext
want "PDF leaflets" "python -c 'import weasyprint'" libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fontconfig
want "Arabic and Chinese type in screenshots and leaflets" "fc-list :lang=zh | grep . && fc-list :lang=ar | grep ." fonts-noto-core fonts-noto-cjk

python manage.py compile_catalogues --verbosity 0 || exit 1
failed=0
python tests/postgres.py pytest "$@"
case $? in
  0) ;;
  77) echo "the suite on PostgreSQL: not run, because no PostgreSQL 15 or newer was found" >> "$REPORT" ;;
  *) failed=1 ;;
esac
# SQLite last: pytest's own closing line is the last thing said, after the list of what was not run.
LAST_RUN=1 PORTAL_EARLIER_FAILED=$failed pytest "$@" || failed=1
rm -f "$REPORT"
exit $failed
