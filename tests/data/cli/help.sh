# Help is true: every example in it runs that needs no AWS account, and the manual knows every command and flag.
. tests/data/cli/lib.sh

"$AMPQL" help >"$work/help"
check "ampql help" [ $? = 0 ]
"$AMPQL" >"$work/none" 2>"$work/overview"
check "no command is a usage error" [ $? = 2 ]
check "no command prints nothing as data" [ ! -s "$work/none" ]
check "no command prints the overview" cmp -s "$work/help" "$work/overview"
"$AMPQL" --version | grep -qE '^ampql [0-9]+\.[0-9]+\.[0-9]+$'
check "ampql --version" [ $? = 0 ]
"$AMPQL" version -o json | python3 -c 'import json, sys
said = json.load(sys.stdin)
assert said["ampql"] and said["dialects"] == "prom3 prom2" and said["zstd"][0] == "1", said
assert said["http"] == "no" or said["http"].startswith("libcurl/"), said'
check "ampql version -o json" [ $? = 0 ]

# A first word that several commands share has a page of its own.
for family in rules capture; do
    "$AMPQL" $family --help >"$work/family"
    check "ampql $family --help" [ $? = 0 ]
    check "ampql $family --help lists commands" [ "$(grep -c "^  $family [a-z]" "$work/family")" -ge 2 ]
    "$AMPQL" help $family | cmp -s - "$work/family"
    check "ampql help $family is the same" [ $? = 0 ]
done
check "nothing in the overview runs into its summary" [ -z "$(grep -E '^  [a-z]+ .{22}' "$work/help" | grep -vE '^  [^ ].*  [a-zA-Z.]')" ]

# Where the examples run: the bundled data, and files of the names that stand for the user's own.
mkdir "$work/here"
ln -s "$PWD/examples" "$PWD/tests" "$work/here/"
for name in day monday tuesday before after; do
    cp examples/data/cluster_day.aqc "$work/here/$name.aqc"
done
cp tests/data/source/samples.om "$work/here/metrics.om"
echo 'a key for examples only' >"$work/here/key"
mkdir "$work/here/build"

# The commands: indented lines of the overview, "query EXPR  evaluate...", without their operands.
sed -n 's/^  \([a-z][a-z]*\( [a-z][a-z]*\)*\) .*/\1/p' "$work/help" | grep -v '^help$' >"$work/commands"
"$AMPQL" help --man >"$work/man"
check "ampql help --man" [ $? = 0 ]
check "the overview lists commands" [ "$(wc -l <"$work/commands")" -ge 11 ]
while read -r command; do
    # shellcheck disable=SC2086
    "$AMPQL" help $command >"$work/one" 2>&1
    check "ampql help $command" [ $? = 0 ]
    # shellcheck disable=SC2086
    "$AMPQL" $command --help | cmp -s - "$work/one"
    check "ampql $command --help is the same" [ $? = 0 ]
    sed -n 's/^  \(-[a-z], \|    \)--\([a-z-]*\).*/\2/p' "$work/one" >"$work/flags"
    for flag in $(cat "$work/flags"); do
        check "the manual knows --$flag" grep -qF -- "$(echo "--$flag" | sed 's/-/\\-/g')" "$work/man"
    done
    check "the manual knows $command" grep -qF "ampql $command" "$work/man"
    # Examples are what stands between "examples:" and "usage:"; a backslash goes on in the next line.
    sed -n '/^examples:$/,/^usage:/p' "$work/one" | sed '1d;$d' >"$work/examples"
    check "ampql $command has examples" grep -q ampql "$work/examples"
    grep -vE 'my_rules|< expression|ampql whoami|ampql serve|amp:ws-' "$work/examples" | sed 's/^  ampql /"$AMPQL" /' >"$work/script"
    (cd "$work/here" && sh -e "$work/script") >"$work/out" 2>"$work/err"
    check "the examples of ampql $command run: $(cat "$work/err")" [ $? = 0 ]
done <"$work/commands"
