# Sourced by the command line cases, which are lists of
#
#   run STATUS ARG... <<'END'       stdin of the command is empty; `feed TEXT` before it says otherwise
#   what standard output must be
#   ! what standard error must be: lines that begin with "! "
#   END
#
# They run from the root of the tree with $AMPQL. A difference is printed and fails the case at its end.
set -u
unset AMPQL_SOURCE AMPQL_DIALECT AMPQL_OUTPUT AMPQL_ERROR_FORMAT AMPQL_TIME AMPQL_NOW AMPQL_STATS
work=$(mktemp -d)
trap 'rm -rf "$work"; [ "$failures" = 0 ] || exit 1' EXIT
failures=0
: >"$work/stdin"

feed() {
    printf '%s' "$1" >"$work/stdin"
}

run() {
    wanted_status=$1
    shift
    cat >"$work/wanted"
    "$AMPQL" "$@" <"$work/stdin" >"$work/out" 2>"$work/err"
    status=$?
    : >"$work/stdin"
    { cat "$work/out" && sed 's/^/! /' "$work/err"; } >"$work/got"
    if [ $status != "$wanted_status" ] || ! cmp -s "$work/wanted" "$work/got"; then
        failures=$((failures + 1))
        echo "ampql $*: exit status $status, expected $wanted_status"
        diff -u "$work/wanted" "$work/got"
    fi
}

# check WHAT CONDITION...: a check of another shape.
check() {
    what=$1
    shift
    "$@" || {
        failures=$((failures + 1))
        echo "failed: $what"
    }
}
