#!/bin/sh
# The same sources built in two folders, whose names differ in length, in another time zone and locale, give the same bytes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
one=$work/a
two=$work/a-much-longer-name/of/a/folder
made='libampql.a libampql.so ampql dist/ampql.1 dist/libampql.3 dist/ampql.bash dist/ampql.zsh dist/ampql.fish'
targets=
for file in $made; do
    targets="$targets build/$file"
done

# build FOLDER JOBS ENVIRONMENT...
build() {
    folder=$1
    jobs=$2
    shift 2
    mkdir -p "$folder"
    git ls-files -z | xargs -0 tar cf - | tar xf - -C "$folder"
    # shellcheck disable=SC2086
    env -u MAKEFLAGS -u MFLAGS CCACHE_DISABLE=1 "$@" make --no-print-directory -C "$folder" -j"$jobs" CC="${CC:-gcc}" CXX="${CXX:-g++}" $targets \
        >"$work/log" 2>&1 || {
        tail -20 "$work/log" >&2
        exit 1
    }
}
build "$one" "$(nproc)" TZ=UTC LC_ALL=C
build "$two" "$(nproc)" TZ=Asia/Tokyo LC_ALL=C.UTF-8
for file in $made; do
    cmp "$one/build/$file" "$two/build/$file" || {
        echo "  FAIL reproducible: $file differs" >&2
        exit 1
    }
    echo "  OK   reproducible: $file $(sha256sum <"$one/build/$file" | cut -c1-16)"
done
