#!/bin/sh
# Writes a root filesystem made of Debian's busybox-static to stdout, as a tar:
#   scripts/make-busybox-image.sh | docker import -c 'CMD ["sh"]' - busybox:latest
# The same input gives the same bytes. BUSYBOX names another binary, which must be static.
set -eu
busybox=${BUSYBOX:-$(command -v busybox)} || { echo "busybox is not installed: apt-get install busybox-static" >&2; exit 1; }
if ldd "$busybox" >/dev/null 2>&1; then
  echo "$busybox is not static: apt-get install busybox-static" >&2
  exit 1
fi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
trap 'exit 1' HUP INT TERM
umask 022

cd "$root"
mkdir -p bin dev/pts dev/shm etc home mnt opt proc root run sbin srv sys tmp usr/bin usr/lib usr/sbin usr/share var/log var/run var/spool var/tmp var/www
chmod 1777 tmp var/tmp dev/shm
chmod 700 root
cp "$busybox" bin/busybox
chmod 755 bin/busybox
for applet in $("$busybox" --list); do
  [ "$applet" = busybox ] || ln -s busybox "bin/$applet"
done
ln -s ../../bin/busybox usr/bin/env

cat >etc/passwd <<'END'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
mail:x:8:8:mail:/var/spool/mail:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
operator:x:37:37:Operator:/var:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
END
cat >etc/group <<'END'
root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
mail:x:8:
wheel:x:10:root
www-data:x:33:
operator:x:37:
users:x:100:
nobody:x:65534:
END
printf 'root:*:::::::\nnobody:*:::::::\n' >etc/shadow
chmod 640 etc/shadow
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >etc/nsswitch.conf
printf 'tcp\t6\tTCP\nudp\t17\tUDP\nicmp\t1\tICMP\nipv6-icmp\t58\tIPv6-ICMP\nsctp\t132\tSCTP\n' >etc/protocols
printf 'ftp\t21/tcp\nssh\t22/tcp\ntelnet\t23/tcp\ndomain\t53/tcp\ndomain\t53/udp\nhttp\t80/tcp\nntp\t123/udp\nhttps\t443/tcp\n' >etc/services

tar --create --file=- --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu .
