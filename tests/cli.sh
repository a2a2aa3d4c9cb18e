#!/bin/sh
# Run the command line cases: tests/data/cli/*.sh, or only the named ones. AMPQL is the command under test.
set -eu
export AMPQL=${AMPQL:-$PWD/build/ampql}
failed=0
passed=0
for name in ${*:-$(cd tests/data/cli && ls ./*.sh | sed 's,^\./\(.*\)\.sh$,\1,')}; do
    [ "$name" = lib ] && continue
    if sh "tests/data/cli/$name.sh"; then
        passed=$((passed + 1))
        echo "  OK   cli $name"
    else
        failed=$((failed + 1))
        echo "  FAIL cli $name"
    fi
done
[ $((passed + failed)) -gt 0 ] || {
    echo "no such case: tests/data/cli/$*.sh" >&2
    exit 1
}
[ $failed = 0 ]
