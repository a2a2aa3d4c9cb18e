#!/bin/sh
# OpenCost's own client and cost model (opencost_here/go.mod says which) without a server, over ampql's RoundTripper, and over
# HTTP from `ampql serve`: the same bills of generated clusters. Go fetches the module from its proxy the first time, and takes
# minutes to build it.
#
#   opencost_here.sh BUILD_FOLDER FIRST COUNT       GO: which go; the library is in BUILD_FOLDER/go/root
set -eu
build=$1
go=${GO:-go}
folder=$build/oracle/opencost_here
mkdir -p "$folder"
export PKG_CONFIG_PATH="$PWD/$build/go/root/lib/pkgconfig" LD_LIBRARY_PATH="$PWD/$build/go/root/lib"
(cd tests/oracle/opencost_here && "$go" build -o "$OLDPWD/$folder/opencost_here" .) || {
    echo "opencost_here.sh: error: go could not build tests/oracle/opencost_here: is there a module proxy?" >&2
    exit 1
}
python3 -B tests/oracle/opencost_here.py "$build/ampql" "$folder/opencost_here" "$folder" "$2" "$3"
