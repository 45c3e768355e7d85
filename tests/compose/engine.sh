#!/usr/bin/env bash
# A Docker engine of one's own, where the machine has none: Debian's packages in a folder, and the daemon in there for as long as
# a command runs. Root only.
#
#   engine.sh make FOLDER                     installs the packages into FOLDER/root
#   engine.sh run FOLDER COMMAND…             COMMAND in the machine's network, which image builds need
#   engine.sh run-isolated FOLDER COMMAND…    COMMAND in a network of its own: no bridge or firewall rule on the machine's
#
# COMMAND finds PORTKEY_DOCKER: the words to call docker with. Images stay in FOLDER/data between runs; containers and networks
# are for who made them to remove. All processes end with the command.
set -euo pipefail

packages=ca-certificates,docker-buildx,docker-cli,docker-compose,docker.io,iproute2,iptables,procps
suite=trixie
start_seconds=60

project=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
  echo "engine: $1" >&2
  exit 1
}

make_root() {
  local folder=$1
  [ ! -e "$folder/root" ] || return 0
  echo "installing a Docker engine from Debian's packages into $folder" >&2
  mkdir -p "$folder"
  rm -rf "$folder/root.unfinished"
  mmdebstrap --quiet --variant=minbase --include="$packages" "$suite" "$folder/root.unfinished" \
    ${PORTKEY_DEBIAN_MIRROR:+"$PORTKEY_DEBIAN_MIRROR"} >&2 || fail "mmdebstrap failed; what it said stands above"
  mv "$folder/root.unfinished" "$folder/root"
}

# In namespaces that end with this process.
inside() {
  local folder=$1 seconds=0 status=0
  shift
  [ -d "$folder/root" ] || fail "there is no engine in $folder; make it first"
  mkdir -p "$folder/data"
  exec 9>"$folder/lock"
  flock --nonblock 9 || fail "an engine runs in $folder already"
  unshare --mount --propagation private bash "${BASH_SOURCE[0]}" daemon "$folder" 9>&- >"$folder/dockerd.log" 2>&1 &
  local daemon=$!
  export PORTKEY_DOCKER="nsenter --target $daemon --mount env -C $project docker"
  until $PORTKEY_DOCKER info >/dev/null 2>&1; do
    kill -0 "$daemon" 2>/dev/null || fail "the engine does not start: $(tail -n 1 "$folder/dockerd.log")"
    [ "$((seconds += 1))" -le "$start_seconds" ] || fail "the engine is not ready after $start_seconds s; see $folder/dockerd.log"
    sleep 1
  done
  "$@" || status=$?
  kill "$daemon"
  wait "$daemon" || true
  exit "$status"
}

# Becomes the daemon, with the folder as its root: that of its whole mount namespace, since runc enters those of containers anew
# and would find itself outside of a mere chroot.
daemon() {
  local folder=$1 root=$1/root
  mount --bind "$root" "$root"
  cd "$root"
  mkdir -p old var/lib/docker
  mount -t proc proc proc
  mount --rbind /sys sys
  mount --rbind /dev dev
  for place in run tmp; do mount -t tmpfs tmpfs "$place"; done
  mount --bind "$folder/data" var/lib/docker
  # It may be below one of those that have just been mounted.
  mkdir -p ".$project"
  mount --bind "$project" ".$project"
  cp -L /etc/resolv.conf etc/resolv.conf
  local options=(--ip6tables=false)
  [ "${ENGINE_BRIDGE:-}" != none ] || options+=(--bridge=none --iptables=false)
  pivot_root . old
  exec chroot . sh -c 'umount -l /old; exec dockerd "$@"' dockerd "${options[@]}"
}

run() {
  local folder
  folder=$(realpath "$1")
  shift
  exec unshare --mount --pid --fork --kill-child --mount-proc --propagation private \
    bash "${BASH_SOURCE[0]}" inside "$folder" "$@"
}

case ${1:-} in
  make) make_root "$2" ;;
  run) ENGINE_BRIDGE=none && export ENGINE_BRIDGE && run "${@:2}" ;;
  run-isolated) exec bash "$project/scripts/isolated.sh" "$2/state" bash "${BASH_SOURCE[0]}" inside "$(realpath "$2")" "${@:3}" ;;
  inside) inside "${@:2}" ;;
  daemon) daemon "$2" ;;
  *) fail "usage: engine.sh make FOLDER | run FOLDER COMMAND… | run-isolated FOLDER COMMAND…" ;;
esac
