#!/bin/sh
# Keeps one agent of the code disk running: agent NAME. Where a container keeps the CPU busy, the agents and the
# CRIU that they start have ten times its share: an agent that died must not be slow to come back.
# An agent works for seconds, then stands idle, and V8's defaults are not for that (docs/performance.md): without its
# optimizing compiler, which would compile most of it for once; bytecode kept over the idle time, or the next migration
# compiles it anew; and room for what a migration allocates, so that fewer collections run. The scan's loops are
# WebAssembly, which this leaves alone.
name=$1
program=/opt/portkey/$name.cjs
log=/run/portkey/log/$name.log

if [ ! -e "$program" ]; then
  echo "portkey: the code disk has no $name.cjs" >/dev/console
  exec sleep infinity
fi
mkdir -p /sys/fs/cgroup/portkey-agents
echo 1000 >/sys/fs/cgroup/portkey-agents/cpu.weight
echo $$ >/sys/fs/cgroup/portkey-agents/cgroup.procs
while :; do
  node --no-opt --no-flush-bytecode --min-semi-space-size=16 \
    "$program" --config "/run/portkey/$name.json" >>"$log" 2>&1
  echo "portkey: $name ended with $?, starting it again" >>"$log"
  tail -n 3 "$log" >/dev/console
  sleep 0.5
done
