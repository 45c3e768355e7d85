#!/bin/sh
# Makes the guest ready, once, before the agents start: file systems, modules, network, the agents' configuration.
# The kernel command line says who this guest is: portkey.vm=NAME portkey.address=ADDRESS/PREFIX. What fails is
# said on the console and left behind: a guest with a broken part can still be looked into.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -o remount,rw /
for controller in cpu cpuset io memory pids; do
  echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
done
ln -sf /proc/self/fd /dev/fd
mkdir -p /run/lock /run/netns /run/portkey/log /mnt/portkey /opt/portkey

for word in $(cat /proc/cmdline); do
  case $word in
    portkey.vm=*) vm=${word#*=} ;;
    portkey.address=*) address=${word#*=} ;;
  esac
done
ip=${address%/*}
echo "$vm" >/proc/sys/kernel/hostname

# The network; CRIU's lock on it (nft, its iptables face); CRIU's lists of sockets.
modprobe -a virtio_net bridge veth nf_tables nft_compat xt_mark nf_conntrack \
  tcp_diag udp_diag raw_diag unix_diag af_packet_diag netlink_diag

# The ports of virtio-serial by name, which is udev's work elsewhere.
mkdir -p /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do
  [ -e "$port/name" ] && ln -s "../${port##*/}" "/dev/virtio-ports/$(cat "$port/name")"
done

# Without an address of its own, a bridge takes over that of whichever container joins it.
ip link set lo up
ip link add br0 address "$(cat /sys/class/net/eth0/address)" type bridge forward_delay 0 mcast_snooping 0
ip link set eth0 master br0 up
ip address add "$address" dev br0
ip link set br0 up

mount -t virtiofs portkey /mnt/portkey
mount -t ext4 -o ro,noload /dev/vdb /opt/portkey
identity=/run/portkey/identity
mkdir -m 700 "$identity"
mount -t ext4 -o ro,noload /dev/vdc "$identity"
security() {
  echo "{ \"ca\": \"$identity/ca.pem\", \"certificate\": \"$identity/$1.pem\", \"key\": \"$identity/$1.key\" }"
}

for agent in checkpoint:7411:9411 restore:7412:9412; do
  name=${agent%%:*}
  ports=${agent#*:}
  cat >"/run/portkey/$name.json" <<END
{
  "vm": "$vm",
  "address": "$ip",
  "listen": ["$ip:${ports%:*}"],
  "metrics": "$ip:${ports#*:}",
  "security": $(security "$name"),
  "device": "/dev/virtio-ports/portkey.$name",
  "share": "/mnt/portkey",
  "bridge": "br0"
}
END
done
cat >/run/portkey/guest-agent.json <<END
{ "listen": ["$ip:7410"], "metrics": "$ip:9410", "security": $(security guest) }
END
echo "portkey: $vm is set up" >/dev/console
