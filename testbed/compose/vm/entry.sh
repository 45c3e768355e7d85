#!/bin/sh
# A host with its VM, as a container: root makes the network, and everything else is an ordinary user's without any privilege.
set -eu
programs=/opt/portkey/build/testbed/compose/vm
node "$programs/network-main.js"
exec setpriv --reuid=10077 --regid=10077 --clear-groups --no-new-privs node "$programs/main.js"
