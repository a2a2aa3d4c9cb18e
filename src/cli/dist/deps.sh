#!/bin/sh
# Install the named Debian packages that are missing, with apt, through sudo when not root. Says what it does first.
set -eu
missing=
for package in "$@"; do
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true) in
    *'install ok installed'*) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "ampql: error: these packages are missing and there is no sudo to install them:$missing" >&2
        exit 1
    }
    sudo=sudo
fi
echo "installing with ${sudo:+sudo }apt-get:$missing"
$sudo apt-get update -q
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends $missing
