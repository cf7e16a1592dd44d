#!/bin/busybox sh
# The first process of the machine: a system of a kernel, busybox and our static programs, with control groups of version 2
# only. Runs the hostile suite and the road, says how it went, and turns the machine off.
/bin/busybox mkdir -p /new
if [ ! -e /in-tmpfs ]; then
  # A step's root is reached by pivot_root, which the kernel refuses from the file system it started in.
  /bin/busybox mount -t tmpfs -o size=80%,mode=755 none /new
  /bin/busybox cp -a /bin /init /tests /road /new/
  /bin/busybox touch /new/in-tmpfs
  exec /bin/busybox switch_root /new /init
fi
export PATH=/bin HOME=/tmp TMPDIR=/tmp KERNEL_TESTS_MUST_RUN=1
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /tmp /etc
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /tmp
mount -t cgroup2 none /sys/fs/cgroup
ip link set lo up
chmod 1777 /tmp
echo 'root:x:0:0::/:/bin/sh' >/etc/passwd
echo 'root:*::0:::::' >/etc/shadow
echo "guest: $(uname -r), $(cat /sys/fs/cgroup/cgroup.controllers)"

status=0
echo "guest: the hostile suite"
"$(cat /tests/kernel-program)" '~[host-tree]' || status=1

echo "guest: the road"
road() {
  set -e
  cd /tmp
  export AIRLOCK_HOME=/tmp/site AIRLOCK_TENANT=acme NO_COLOR=1
  airlock doctor
  airlock key generate --site
  airlock trust init --key /road/publisher.pub
  airlock bundle import /road/kit.airlock.tar.zst
  airlock run advisory-match
  airlock audit export -o /tmp/evidence.tar.zst
  airlock-verify /tmp/evidence.tar.zst --key /tmp/site/keys/site.pub
  airlock ledger verify
}
(road) || status=1

[ "$status" = 0 ] && echo "guest: all of it passed"
poweroff -f
