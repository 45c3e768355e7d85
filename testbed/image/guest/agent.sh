#!/bin/sh
# Keeps one agent of the code disk running: agent NAME.
name=$1
program=/opt/portkey/$name.cjs
log=/run/portkey/log/$name.log

if [ ! -e "$program" ]; then
  echo "portkey: the code disk has no $name.cjs" >/dev/console
  exec sleep infinity
fi
while :; do
  node "$program" --config "/run/portkey/$name.json" >>"$log" 2>&1
  echo "portkey: $name ended with $?, starting it again" >>"$log"
  tail -n 3 "$log" >/dev/console
  sleep 0.5
done
