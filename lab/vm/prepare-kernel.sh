#!/bin/sh
# prepare-kernel.sh CACHE: fetches Debian's kernel (nothing is installed) and makes a small initramfs for it, once. Prints the directory.
# In CACHE/<kernel version>: kernel (ELF), initramfs.cpio, modules/. Needs busybox-static, kmod, cpio, xz-utils.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"

if [ ! -e version ]; then
  rm -rf fetch
  mkdir fetch
  cd fetch
  find_package() { apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends: linux-image-[0-9]/{print $2; exit}'; }
  package=$(find_package)
  if [ -z "$package" ]; then apt-get update -q >/dev/null; package=$(find_package); fi
  [ -n "$package" ] || { echo "No package linux-image-amd64 is known to apt" >&2; exit 1; }
  apt-get download -q "$package" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "$package" >/dev/null; }
  dpkg -x "$package"_*.deb root
  # From Debian 13 on modules are under /usr/lib alone.
  [ -e root/lib ] || ln -s usr/lib root/lib
  version=$(ls root/lib/modules)
  depmod -b "$PWD/root" "$version"

  # The boot image is compressed with xz, which takes a machine without KVM about 4 s at each boot: take the ELF kernel out of it, once.
  # Linux/x86 boot protocol: 497 setup_sects, 584 payload_offset, 588 payload_length.
  image=root/boot/vmlinuz-$version
  byte() { od -An -tu1 -j"$1" -N1 "$image" | tr -d ' '; }
  word() { od -An -tu4 -j"$1" -N4 "$image" | tr -d ' '; }
  offset=$((($(byte 497) + 1) * 512 + $(word 584)))
  tail -c +$((offset + 1)) "$image" | head -c "$(word 588)" | xz -dc --single-stream >kernel 2>/dev/null || true
  [ "$(head -c4 kernel | tail -c3)" = ELF ] || cp "$image" kernel

  cd ..
  rm -rf "$version"
  mkdir "$version"
  mv fetch/kernel "$version/kernel"
  mv "fetch/root/lib/modules/$version" "$version/modules"
  rm -rf fetch
  echo "$version" >version
fi

version=$(cat version)
stamp=$(cat "$here/guest/init.sh" "$(command -v busybox)" | sha256sum | cut -c1-16)
if [ "$(cat "$version/initramfs.stamp" 2>/dev/null || true)" != "$stamp" ]; then
  tree=$(mktemp -d)
  trap 'rm -rf "$tree"' EXIT
  mkdir -p "$tree/bin" "$tree/dev" "$tree/proc" "$tree/sys" "$tree/modules" "$tree/lower" "$tree/upper" "$tree/root" "$tree/lib/modules"
  cp "$(command -v busybox)" "$tree/bin/busybox"
  ln -s "$PWD/$version/modules" "$tree/lib/modules/$version"
  ln -s . "$tree/usr"
  number=100
  for module in virtio_pci virtio_console virtio_net virtio_rng overlay 9p 9pnet_virtio; do
    modprobe -q -d "$tree" -S "$version" --show-depends "$module" 2>/dev/null || true
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
    cp "$file" "$tree/modules/$number-$(basename "$file")"
    case $file in *.xz) xz -d "$tree/modules/$number-$(basename "$file")" ;; esac
    number=$((number + 1))
  done
  rm -r "$tree/lib" "$tree/usr"
  cp "$here/guest/init.sh" "$tree/init"
  chmod +x "$tree/init"
  # Not compressed: reading 4 MB costs less than unpacking them.
  (cd "$tree" && find . | cpio -o -H newc --quiet) >"$version/initramfs.cpio"
  echo "$stamp" >"$version/initramfs.stamp"
fi
echo "$PWD/$version"
