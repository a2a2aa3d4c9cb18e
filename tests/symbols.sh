#!/bin/sh
# Only ampql_ names are visible in the static and the shared library, and a program that uses std::vector<std::string> of its
# own links and runs with either.
set -eu
build=${B:-build}
cc=${CC:-gcc}
cxx=${CXX:-g++}
work=$build/symbols
rm -rf "$work"
mkdir -p "$work"

# only_ampql WHAT NM_FLAGS...: defined global names that are not ours; every public function must be there.
only_ampql() {
    what=$1
    shift
    # Version nodes (AMPQL_0) and what sanitizers and coverage add are not names of the library.
    nm "$@" | awk '$2 ~ /^[A-TV-Zuvw]$/ { print $3 }' | sed 's/@.*//' | sort -u >"$work/names"
    if grep -vE '^(ampql_|AMPQL_0$|__asan_|__odr_asan|__ubsan|__gcov|___asan|__start_|__stop_)' "$work/names" >"$work/foreign"; then
        echo "  FAIL $what shows names that are not ampql_*:" >&2
        head -20 "$work/foreign" >&2
        exit 1
    fi
    cat include/ampql/*.h | tr '\n' ' ' | grep -oE 'AMPQL_API [^;]*;' | grep -oE 'ampql_[a-z0-9_]+\(' |
        tr -d '(' | sort -u >"$work/declared"
    if comm -23 "$work/declared" "$work/names" | grep . >"$work/missing"; then
        echo "  FAIL $what lacks functions that the headers declare:" >&2
        cat "$work/missing" >&2
        exit 1
    fi
    echo "  OK   $what: $(wc -l <"$work/names") names, all ampql_*"
}
only_ampql libampql.a --extern-only --defined-only "$build/libampql.a"
only_ampql libampql.so -D --defined-only "$build/libampql.so"

# What programs rely on neither comes nor goes unnoticed.
sh src/cli/dist/abi.sh "$build/libampql.so" | diff -u src/api/abi.txt - >"$work/abi" || {
    echo "  FAIL libampql.so has other functions than src/api/abi.txt; if that is meant, write it again: make abi" >&2
    grep '^[+-]a' "$work/abi" >&2
    exit 1
}
echo "  OK   libampql.so: the $(wc -l <src/api/abi.txt) functions of src/api/abi.txt"

cat >"$work/use.h" <<'END'
/* Shared by the C and the C++ program: one evaluation. */
#include <ampql.h>
#include <string.h>
#ifdef __cplusplus
extern "C"
#endif
int host_size(void);
static inline int evaluate(double *out)
{
    struct ampql_engine *engine = NULL;
    struct ampql_query *query = NULL;
    struct ampql_source *source = NULL;
    struct ampql_result *result = NULL;
    static const char text[] = "scalar(sum(label_replace(vector(20), \"a\", \"$1\", \"b\", \"(.*)\"))) + 22";
    struct ampql_run_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    if (ampql_engine_new(NULL, &engine, NULL) != AMPQL_OK ||
        ampql_source_memory(engine, NULL, &source, NULL) != AMPQL_OK ||
        ampql_query_compile(engine, text, sizeof text - 1, &query, NULL) != AMPQL_OK ||
        ampql_query_run(query, source, &options, &result, NULL) != AMPQL_OK)
        return 1;
    *out = ampql_result_scalar(result);
    ampql_result_free(result);
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return 0;
}
END
cat >"$work/host.cc" <<'END'
// A host's own C++, with the containers that RE2 inside the library uses too.
#include <string>
#include <vector>
#include "use.h"
extern "C" int host_size(void)
{
    std::vector<std::string> words(40, std::string(100, 'x'));
    words.emplace_back("end");
    words.insert(words.begin(), words.back());
    return static_cast<int>(words.size());
}
END
cat >"$work/main.c" <<'END'
#include <stdio.h>
#include "use.h"
int main(void)
{
    double v = 0;
    int n = host_size();
    if (evaluate(&v) != 0)
        return 1;
    printf("%g %d %d\n", v, n, host_size());
    return 0;
}
END
sed 's/<stdio.h>/<cstdio>/' "$work/main.c" >"$work/main_cc.cc"

ldflags=${LDFLAGS:-}
# LDLIBS and LDFLAGS are lists of words.
# shellcheck disable=SC2086
{
    $cc -std=c11 -Wall -Wextra -Werror -Iinclude -c "$work/main.c" -o "$work/main.o"
    $cxx -std=c++17 -Wall -Wextra -Werror -Iinclude -c "$work/main_cc.cc" -o "$work/main_cc.o"
    $cxx -std=c++17 -Wall -Wextra -Werror -Iinclude -c "$work/host.cc" -o "$work/host.o"
    $cxx $ldflags -o "$work/c_static" "$work/main.o" "$work/host.o" "$build/libampql.a" $LDLIBS
    $cxx $ldflags -o "$work/cc_static" "$work/main_cc.o" "$work/host.o" "$build/libampql.a" $LDLIBS
    ln -sf ../libampql.so "$work/libampql.so.0"
    $cxx $ldflags -o "$work/c_shared" "$work/main.o" "$work/host.o" "$build/libampql.so" -Wl,-rpath,"$PWD/$work"
    $cxx $ldflags -o "$work/cc_shared" "$work/main_cc.o" "$work/host.o" "$build/libampql.so" -Wl,-rpath,"$PWD/$work"
}
for program in c_static cc_static c_shared cc_shared; do
    said=$("$work/$program")
    [ "$said" = "42 42 42" ] || {
        echo "  FAIL $program printed '$said', expected '42 42 42'" >&2
        exit 1
    }
    echo "  OK   $program: a host with std::vector<std::string> of its own"
done
