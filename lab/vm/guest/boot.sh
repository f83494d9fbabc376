# Runs once in a lab machine, before the agents.
for port in /sys/class/virtio-ports/*/; do
  name=$(cat "$port/name")
  [ -z "$name" ] || ln -sf "/dev/$(basename "$port")" "/run/vmlab/$name"
done
echo 1 >/proc/sys/kernel/panic_on_oops
# Fresh IPv6 addresses may be used at once; a test that is about duplicate address detection turns it on.
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
# A disk (virtio device type 2) keeps /data through power cuts.
if grep -qs 0x0002 /sys/bus/virtio/devices/*/device; then
  modprobe -a virtio_blk ext4
  umount /data
  mount /dev/vda /data || echo "vmlab: cannot mount the disk" >/dev/console
fi
