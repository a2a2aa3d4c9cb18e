#!/bin/sh
# `make install` into a temporary folder: a program builds through pkg-config and runs, with the shared and with the static
# library; each header stands alone, in C and in C++; `make uninstall` leaves nothing.
set -eu
cc=${CC:-gcc}
cxx=${CXX:-g++}
make=${MAKE:-make}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
prefix=/opt/ampql
to=$root$prefix
strict='-Wall -Wextra -Wpedantic -Werror'

fail() {
    echo "  FAIL install: $*" >&2
    exit 1
}

$make --no-print-directory install DESTDIR="$root" PREFIX=$prefix >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    fail "make install"
}
for file in bin/ampql include/ampql.h include/ampql/query.h lib/libampql.a lib/libampql.so.0 lib/libampql.so \
    lib/pkgconfig/ampql.pc share/man/man1/ampql.1 share/man/man3/libampql.3 share/bash-completion/completions/ampql \
    share/zsh/site-functions/_ampql share/fish/vendor_completions.d/ampql.fish share/doc/ampql/LICENSE; do
    [ -s "$to/$file" ] || fail "$file is not there"
done
! grep -rlE '@[A-Z]+@$|@VERSION@' "$to/share/man" "$to/lib/pkgconfig" || fail "a placeholder is left"
[ -z "$(find "$to" -type f ! -perm 644 ! -perm 755)" ] || fail "odd permissions"
soname=$(readelf -d "$to/lib/libampql.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
[ "$soname" = libampql.so.0 ] || fail "SONAME is $soname"
readelf -V "$to/lib/libampql.so" | grep -q 'Name: AMPQL_0' || fail "the functions have no version"
while read -r name; do
    grep -q "${name%@@*}(" "$to/share/man/man3/libampql.3" || fail "libampql(3) does not have ${name%@@*}"
done <src/api/abi.txt
echo "  OK   installed: $(find "$to" -type f | wc -l) files"

# Headers: each alone, and all.
for header in "$to"/include/ampql/*.h "$to/include/ampql.h"; do
    include="#include <${header#"$to"/include/}>"
    # shellcheck disable=SC2086
    {
        echo "$include" | $cc -std=c11 $strict -I"$to/include" -fsyntax-only -x c - || fail "C11: $include"
        echo "$include" | $cxx -std=c++17 $strict -I"$to/include" -fsyntax-only -x c++ - || fail "C++17: $include"
    }
done
echo "  OK   each header alone, C11 and C++17, without a warning"

# Programs, as somebody else's build makes them.
export PKG_CONFIG_PATH="$to/lib/pkgconfig"
config() {
    pkg-config --define-variable=prefix="$to" --define-variable=libdir="$to/lib" "$@" ampql
}
[ "$(config --modversion)" = "$("$to/bin/ampql" --version | cut -d' ' -f2)" ] || fail "ampql.pc has another version"
cp examples/memory.c "$work/program.c"
cat >"$work/program.cc" <<'END'
#include <ampql.h>
#include <cstdio>
int main()
{
    ampql_engine *engine = nullptr;
    ampql_error err{};
    if (ampql_engine_new(nullptr, &engine, &err) != AMPQL_OK)
        return 1;
    std::puts(ampql_version());
    ampql_engine_free(engine);
    return 0;
}
END
# LDFLAGS is a list of words (sanitizers).
# shellcheck disable=SC2046,SC2086
{
    $cc -std=c11 $strict "$work/program.c" -o "$work/shared" ${LDFLAGS:-} $(config --cflags --libs) -Wl,-rpath,"$to/lib"
    $cc -std=c11 $strict "$work/program.c" -o "$work/static" ${LDFLAGS:-} \
        $(config --cflags --libs --static | sed 's/-lampql/-l:libampql.a/')
    $cxx -std=c++17 $strict "$work/program.cc" -o "$work/cxx" ${LDFLAGS:-} $(config --cflags --libs) -Wl,-rpath,"$to/lib"
}
for program in shared static; do
    "$work/$program" >"$work/said" || fail "the $program program: exit status $?"
    cmp -s "$work/said" tests/data/examples/memory.txt || fail "the $program program says something else"
done
[ "$("$work/cxx")" = "$(config --modversion)" ] || fail "the C++ program"
readelf -d "$work/shared" | grep -q 'NEEDED.*libampql.so.0' || fail "the shared program does not need libampql.so.0"
! readelf -d "$work/static" | grep -q 'NEEDED.*libampql' || fail "the static program needs libampql.so"
echo "  OK   programs through pkg-config: shared, static, C++"

$make --no-print-directory uninstall DESTDIR="$root" PREFIX=$prefix || fail "make uninstall"
left=$(find "$root" ! -type d)
[ -z "$left" ] || fail "uninstalled, but there is still $left"
left=$(find "$root" -mindepth 4 -type d -name 'ampql*')
[ -z "$left" ] || fail "uninstalled, but there is still $left"
echo "  OK   uninstalled: nothing is left"
