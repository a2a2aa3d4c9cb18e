#!/bin/sh
# The packages of `make deb` on a bare Debian 12: installed by apt in a chroot that has nothing else, used, removed; and what
# lintian says of them. Needs root, a Debian mirror and debootstrap.
#
#   deb.sh FOLDER_OF_PACKAGES
set -eu
packages=$1
[ "$(id -u)" = 0 ] || {
    echo "  FAIL deb: only root can make a chroot" >&2
    exit 1
}
sh src/cli/dist/deps.sh debootstrap lintian
root=$packages/root
fail() {
    echo "  FAIL deb: $*" >&2
    exit 1
}
# The project has no mail address.
lintian --tag-display-limit 0 --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog --fail-on error,warning "$packages"/*.deb || fail lintian
echo "  OK   deb: lintian"

mirror=$(sed -nE 's/^(deb|URIs:) *(\[[^]]*\])? *(https?:[^ ]*).*/\3/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1)
[ -x "$root/bin/sh" ] || debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >"$packages/log" 2>&1 || {
    tail -5 "$packages/log" >&2
    fail debootstrap
}
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
cp "$packages"/*.deb examples/data/cluster_day.aqc "$root/tmp/"
cp examples/instant.c tests/data/examples/instant.txt "$root/tmp/"
inside() {
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive LC_ALL=C \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} sh -ec "$1" >"$packages/log" 2>&1 || {
        tail -20 "$packages/log" >&2
        fail "in the chroot: $1"
    }
}
inside 'apt-get update -q && apt-get install -y -q --no-install-recommends /tmp/ampql_*.deb'
inside 'ampql query -s /tmp/cluster_day.aqc --time 2026-03-02T00:00:00Z "count(avg_over_time(node_cpu_hourly_cost[1d]))" -o csv'
grep -q ',[1-9]' "$packages/log" || fail "the command says $(cat "$packages/log")"
inside 'ampql query -s http://127.0.0.1:1 up 2>&1 | grep "cannot connect"' # libcurl is loaded when it is needed, and is there
echo "  OK   deb: the command on a bare machine"
inside 'apt-get install -y -q --no-install-recommends /tmp/libampql*.deb gcc libc6-dev pkg-config'
inside 'cd /tmp && cc -Wall -Werror instant.c -o instant $(pkg-config --cflags --libs ampql) &&
        ./instant cluster_day.aqc 2>/dev/null | cmp - instant.txt'
echo "  OK   deb: a program on a bare machine"
inside 'apt-get purge -y -q ampql libampql0 libampql-dev && [ -z "$(find / -xdev -name "*ampql*" -not -path "/proc/*" -not -path "/tmp/*" -not -path "/var/*")" ]'
echo "  OK   deb: purged, nothing is left"
rm -rf "$root"
