# Debian packages by purpose; sourced by setup.sh. A name with `|` is a choice: the first that this release has.

# What the daemon needs: container monitor and runtimes, an init for `--init`, firewall library, default seccomp profile, and the client people type.
packages_runtime="conmon crun runc tini libnftables1 nftables iproute2 golang-github-containers-common libatomic1 xz-utils tar"
# What the labs, experiments and the demo need besides.
packages_test="busybox-static iptables iputils-ping curl netcat-openbsd socat conntrack dnsmasq-base bind9-dnsutils procps strace util-linux bsdutils openssl"
# The VM lab: Debian's kernel under qemu.
packages_vm="qemu-system-x86 busybox-static kmod cpio xz-utils e2fsprogs"
# The bench runs Debian's dockerd beside ours.
packages_bench="docker.io dnsperf"
# Only where no docker command is on the PATH.
package_docker_cli="docker-cli|docker.io"
