#!/bin/busybox sh
# First program of a lab machine: the machine that runs qemu shares its file tree read-only by 9p; a tmpfs goes on top, and that is the root.
mount="/bin/busybox mount"
$mount -t proc proc /proc
$mount -t sysfs sys /sys
$mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
for module in /modules/*; do insmod "$module" 2>/dev/null; done

name=vm
for word in $(cat /proc/cmdline); do
  case $word in fairway.name=*) name=${word#*=} ;; esac
done
die() { echo "vmlab: $*"; poweroff -f; }
share() { mount -t 9p -o "trans=virtio,version=9p2000.L,msize=524288,$3" "$1" "$2" || die "cannot mount $1"; }

share root /lower ro,cache=loose
mount -t tmpfs -o size=80% tmpfs /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /root || die "cannot make the root overlay"

for tree in proc sys dev; do mount --move /$tree /root/$tree; done
mount -t tmpfs -o mode=755 tmpfs /root/run
mkdir -p /root/run/vmlab/share /root/run/lock /root/dev/pts /root/dev/shm /root/dev/mqueue
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /root/dev/pts
mount -t tmpfs shm /root/dev/shm
mount -t mqueue mqueue /root/dev/mqueue
mount -t cgroup2 cgroup2 /root/sys/fs/cgroup
kernel=$(uname -r)
mkdir -p /root/usr/lib/modules/$kernel
share modules /root/usr/lib/modules/$kernel ro,cache=loose
share share /root/run/vmlab/share rw,cache=none

# An overlay cannot be the upper layer of another: data roots of container engines belong here.
mkdir -p /root/data
mount -t tmpfs -o size=80% data /root/data

cp /bin/busybox /root/run/vmlab/busybox
ln -s busybox /root/run/vmlab/init
hostname "$name"
echo "$name" >/root/etc/hostname
ip link set lo up
cat >/root/etc/inittab <<X
::sysinit:/bin/sh /run/vmlab/share/boot.sh
::respawn:/run/vmlab/busybox sh /run/vmlab/share/agent.sh commands
::respawn:/run/vmlab/busybox sh /run/vmlab/share/agent.sh debug
X
exec switch_root /root /run/vmlab/init
