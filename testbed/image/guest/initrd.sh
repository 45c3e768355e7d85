#!/bin/busybox sh
# The first program: loads what the root disk needs, mounts it and hands over. Its first line on the console tells
# the accelerator probe (testbed/vm/accelerator.ts) that this kernel runs.
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
exec </dev/console >/dev/console 2>&1
echo "portkey: kernel up"
case $(/bin/busybox cat /proc/cmdline) in *portkey.probe*) /bin/busybox poweroff -f ;; esac
for module in /modules/*.ko; do /bin/busybox insmod "$module"; done
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  [ -b /dev/vda ] && break
  /bin/busybox sleep 0.2
done
/bin/busybox mount -t ext4 /dev/vda /root || {
  echo "portkey: no root disk"
  /bin/busybox poweroff -f
}
/bin/busybox umount /proc
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
