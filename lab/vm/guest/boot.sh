# Runs once in a lab machine, before the agents.
for port in /sys/class/virtio-ports/*/; do
  name=$(cat "$port/name")
  [ -z "$name" ] || ln -sf "/dev/$(basename "$port")" "/run/vmlab/$name"
done
echo 1 >/proc/sys/kernel/panic_on_oops
# Fresh IPv6 addresses may be used at once; a test that is about duplicate address detection turns it on.
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
