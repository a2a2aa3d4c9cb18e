#!/bin/sh
# The exported functions of a shared library with their versions, without what sanitizers and coverage add: abi.sh LIBRARY
set -eu
nm -D --defined-only --with-symbol-versions "$1" | awk '$2 == "T" && $3 ~ /^ampql_/ { print $3 }' | LC_ALL=C sort
