#!/bin/sh
# Installs what is missing and says what it does: Debian packages, then Node 26 and the npm packages. A second run only looks.
#   sh scripts/setup.sh [--quiet] [runtime] [test] [vm] [bench]      (no purpose: runtime and test)
set -eu
cd "$(dirname "$0")/.."
. scripts/packages.sh

quiet=""
purposes=""
for word in "$@"; do
  case $word in
    --quiet) quiet=1 ;;
    runtime | test | vm | bench) purposes="$purposes $word" ;;
    *) echo "setup: unknown purpose '$word' (runtime, test, vm, bench)" >&2; exit 2 ;;
  esac
done
[ -n "$purposes" ] || purposes="runtime test"

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

# ---- Debian packages: first, because Node 26 needs one of them (libatomic1)
debian_packages() {
  list=""
  for purpose in $purposes; do
    eval "list=\"\$list \$packages_$purpose\""
  done
  if command -v docker >/dev/null; then
    # docker.io brings the CLI and dockerd; only the bench needs dockerd.
    if command -v dockerd >/dev/null; then list=$(echo " $list " | sed 's/ docker\.io / /'); fi
  else
    choose() {
      for choice in $(echo "$package_docker_cli" | tr '|' ' '); do
        if apt-cache show "$choice" >/dev/null 2>&1; then list="$list $choice"; return 0; fi
      done
      return 1
    }
    # A container image often has empty package lists.
    choose || { [ "$(id -u)" != 0 ] || apt-get update -q >/dev/null 2>&1 || true; choose || list="$list docker.io"; }
  fi

  # shellcheck disable=SC2086
  installed=" $(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $list 2>/dev/null | sed -n 's/ installed$//p' | tr '\n' ' ') "
  missing=""
  for package in $list; do
    case "$installed $missing " in *" $package "*) continue ;; esac
    # Docker's own packages bring a runc, and conflict with Debian's.
    if [ "$package" = runc ] && command -v runc >/dev/null; then continue; fi
    missing="$missing $package"
  done

  if [ -n "$missing" ]; then
    say "Debian packages to install:$missing"
    [ "$(id -u)" = 0 ] || fail "that needs root. Run:  sudo apt-get install --no-install-recommends$missing"
    # Nothing that we install may start a service of its own on this machine, now or at the next boot: docker.io would start dockerd.
    services=""
    case "$missing " in *" docker.io "*) services="docker.service docker.socket"; command -v containerd >/dev/null || services="$services containerd.service" ;; esac
    guard=${FAIRWAY_POLICY_RC_D:-/usr/sbin/policy-rc.d}
    log=$(mktemp)
    if [ -e "$guard" ]; then guard=""; else printf '#!/bin/sh\nexit 101\n' >"$guard"; chmod 755 "$guard"; fi
    trap 'rm -f "$log" ${guard:+"$guard"}' EXIT
    trap 'exit 130' INT TERM
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    get() { apt-get install -y -q --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 $missing >"$log" 2>&1; }
    if ! get; then
      say "refreshing the package lists"
      apt-get update -q >"$log" 2>&1 || true
      if ! get; then
        tail -n 15 "$log" >&2
        fail "apt-get could not install$missing without removing something, or not at all (above). Without a network, install them by other means and run this again."
      fi
    fi
    say "installed$missing"
    # shellcheck disable=SC2086
    if [ -n "$services" ] && systemctl disable $services >/dev/null 2>&1; then
      say "dockerd is installed, and stays off until somebody says: systemctl enable --now docker"
    fi
  fi
}

if command -v dpkg-query >/dev/null; then
  debian_packages
  case " $purposes " in *" test "*) sh scripts/docker-cli.sh "$PWD/.cache/docker-cli" ;; esac
else
  [ -n "$quiet" ] || say "not a Debian system: install by your own means what scripts/packages.sh names"
fi

# ---- npm packages, and Node 26 which is one of them
node=node_modules/.bin/node
stamp=node_modules/.fairway-setup
want=$(sha256sum package-lock.json | cut -d' ' -f1)

runs() { [ -x "$node" ] && "$node" -e 'if (+process.versions.node.split(".")[0] < 26) process.exit(1); require("koffi")' >/dev/null 2>&1; }

if [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ] || [ ! -x "$node" ]; then
  command -v npm >/dev/null || fail "npm is missing. Install Node.js with npm (any version from 18 on), then run this again."
  log=$(mktemp)
  # Not `npm ci`: it refuses the lock file where a registry lacks an optional package of another platform. Versions and hashes are the lock file's all the same.
  say "npm install: Node 26, koffi and the development tools"
  if ! npm install --no-save --no-audit --no-fund >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    fail "npm install failed (above). Without a network it cannot succeed the first time; check the npm registry setting and run this again."
  fi
  # An npm that does not run install scripts leaves the node package without its binary: run that one script by name.
  if ! runs; then
    say "npm did not run the install script of the package 'node'; running it"
    (cd node_modules/node && node installArchSpecificPackage.js) >"$log" 2>&1 || { tail -n 20 "$log" >&2; rm -f "$log"; fail "Node 26 could not be installed (above)."; }
  fi
  if [ ! -e "$node" ]; then mkdir -p node_modules/.bin && ln -sf ../node/bin/node "$node"; fi
  rm -f "$log"
  runs || fail "Node 26 is installed but does not run or cannot load koffi: $($node -e 'require("koffi")' 2>&1 | tail -n 5)"
  echo "$want" >"$stamp"
  say "$($node --version) is at $node"
fi

[ -n "$quiet" ] || say "everything for$(echo " $purposes" | tr -s ' ') is there"
