#!/usr/bin/env bash
# Runs a command in mount, network and pid namespaces of its own, so that a test bed in it shares nothing with another one on
# this machine: not /dev/shm, nor named network namespaces, nor virtiofsd's locks, nor the state folder, which is the first
# argument. What the command has started ends with it. Root only.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
  exec unshare --mount --net --pid --kill-child --mount-proc --propagation private bash "${BASH_SOURCE[0]}" --inside "$@"
fi
shift
export XDG_STATE_HOME=$1
shift
# As large as the machine's own: a test bed looks whether it has room.
size=$(df --output=size -k /dev/shm | tail -n 1)
for folder in /dev/shm /run/netns /run/virtiofsd; do
  mkdir -p "$folder"
  mount -t tmpfs -o "size=${size// /}k" tmpfs "$folder"
done
ip link set lo up
# Not by exec: the first process of a pid namespace has to reap what others leave.
"$@" &
wait $!
