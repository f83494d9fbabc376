#!/bin/sh
# docker-cli.sh DIRECTORY: the docker CLI that the experiments are typed with, where the machine's own is older (Debian 12's is 20.10). It is Debian's
# package of the next release, from the mirror that apt uses here; unpacked in DIRECTORY, not installed. Needs no root. A second run only looks.
set -eu
wanted=28
suite=testing

# The major version of a docker CLI; 0: none that runs.
major() { "$1" --version 2>/dev/null | sed -n 's/^Docker version \([0-9]*\)\..*/\1/p' | grep . || echo 0; }

[ "$(major docker)" -lt "$wanted" ] || exit 0
[ "$(major "$1/usr/bin/docker")" -lt "$wanted" ] || exit 0

echo "setup: the docker CLI here is older than $wanted: unpacking Debian's of $suite in $1"
mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | awk '$1 == "Debian" { print $2; exit }')
[ -n "$mirror" ] || { echo "setup: apt knows no Debian mirror. Put a docker CLI of version $wanted or later on the PATH" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work/lists/partial" "$work/archives/partial"
echo "deb $mirror $suite main" >"$work/sources.list"
apt() {
  command=$1
  shift
  # A mirror may be some weeks behind; signatures are asked for all the same.
  set -- -o Acquire::Check-Valid-Until=false -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$work/lists" \
    -o Dir::Cache::archives="$work/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
  (cd "$work" && apt-get -q "$command" "$@") >"$work/log" 2>&1 || { tail -n 10 "$work/log" >&2; return 1; }
}
if ! apt update || ! apt download docker-cli; then
  echo "setup: it could not be fetched (above). Put a docker CLI of version $wanted or later on the PATH, then run this again" >&2
  exit 1
fi
mkdir -p "$1"
dpkg -x "$work"/docker-cli_*.deb "$1"
[ "$(major "$1/usr/bin/docker")" -ge "$wanted" ] || { echo "setup: $1/usr/bin/docker does not run here" >&2; exit 1; }
