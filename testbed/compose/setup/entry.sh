#!/bin/sh
# Makes the secrets as the user whose clone they are in, so that they can be deleted with it; the group lets the services read.
set -eu
exec setpriv --reuid="$(stat -c %u /secrets)" --regid=10077 --clear-groups --no-new-privs \
  node /opt/portkey/build/testbed/compose/setup/main.js
