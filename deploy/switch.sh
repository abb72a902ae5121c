#!/bin/sh
# Readers go to the server at this port from now on; nobody notices.    switch.sh PORT [PATH TO ASK]
# Going back is the same with the other port. UPSTREAM: the file that nginx includes; NGINX: the program and its options.
set -eu
PORT=$1
UPSTREAM=${UPSTREAM:-/etc/nginx/conf.d/portal-upstream.conf}
NGINX=${NGINX:-nginx}
READY=http://127.0.0.1:$PORT${2:-/health/ready}

tries=0
until curl --silent --fail --max-time 5 --output /dev/null "$READY"; do
  tries=$((tries + 1))
  [ $tries -lt 60 ] || { echo "$READY does not answer: nothing was switched." >&2; exit 1; }
  sleep 1
done

[ ! -e "$UPSTREAM" ] || cp "$UPSTREAM" "$UPSTREAM.before"
echo "upstream portal { server 127.0.0.1:$PORT; keepalive 16; }" > "$UPSTREAM.new"
mv "$UPSTREAM.new" "$UPSTREAM"
if ! $NGINX -t -q; then
  if [ -e "$UPSTREAM.before" ]; then mv "$UPSTREAM.before" "$UPSTREAM"; else rm "$UPSTREAM"; fi
  echo "nginx refuses its configuration: nothing was switched." >&2
  exit 1
fi

# Workers of before finish what they have begun, still with the old server. It may stop when they are gone.
MASTER=$(cat "${PID_FILE:-/run/nginx.pid}")
BEFORE=$(cat "/proc/$MASTER/task/$MASTER/children")
$NGINX -s reload
for worker in $BEFORE; do
  waited=0
  while [ -d "/proc/$worker" ] && [ $waited -lt "${PATIENCE:-60}" ]; do
    waited=$((waited + 1))
    sleep 1
  done
done
echo "Readers are at port $PORT."
