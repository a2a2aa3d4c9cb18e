# Completions: bash really completes with its own; zsh's and fish's parse, and complete where these shells are installed.
. tests/data/cli/lib.sh

for shell in bash zsh fish; do
    "$AMPQL" completion $shell >"$work/$shell"
    check "ampql completion $shell" [ $? = 0 ]
done
check "bash reads its completion" bash -n "$work/bash"

run 2 completion tcsh <<'END'
! ampql: error: completion: expected bash, zsh or fish, not "tcsh"
!   hint: see `ampql help completion`
END

# What bash offers for the words after `ampql`, the last of which is being written: in order, with blanks between.
bash_offers() {
    bash -c 'cd "$1" && . "$2" && shift 2 && COMP_WORDS=(ampql "$@") COMP_CWORD=$# && _ampql && echo "${COMPREPLY[@]}"' \
        bash "$work/files" "$work/bash" "$@" 2>&1
}
mkdir "$work/files"
: >"$work/files/day.aqc"
: >"$work/files/rules.yml"

# offers EXPECTED WORD...
offers() {
    expected=$1
    shift
    got=$(bash_offers "$@")
    check "bash: ampql $*: '$got', expected '$expected'" [ "$got" = "$expected" ]
}
offers 'query' que
offers 'fetch fmt functions' f
offers 'rules' rul
offers 'check' rules ch
offers 'ls show verify convert merge redact diff --help' capture ''
offers '--lookback-delta' query --lookb
offers 'auto prom3 prom2' query --dialect ''
offers 'prom3 prom2' query up --dialect pro
offers 'prom3 prom2' query --dialect = pro
offers 'auto prom3 prom2' query --dialect =
offers 'table json csv promql openmetrics' query -o ''
offers 'day.aqc' query --source d
offers 'rules.yml' query --rules ru
offers 'day.aqc' query -s = d
offers 'rules.yml' rules check r
offers 'day.aqc' capture verify d
offers '' query --time ''
offers '' query u
offers 'weighted even' allocate --share-split ''
offers 'node namespace' allocate --aggregate n
offers 'whoami' help who
offers '--aggregate --aggregated-metadata' allocate --agg

# What each shell is told: all commands, and all flags of each.
"$AMPQL" help | sed -n 's/^  \([a-z][a-z]*\( [a-z][a-z]*\)*\) .*/\1/p' | grep -v '^help$' >"$work/commands"
while read -r command; do
    name=_ampql_$(echo "$command" | tr ' ' _)
    sed -n "/^$name() {/,/^}/p" "$work/zsh" | grep -oE -- '--[a-z][a-z.-]*[]=}'\''[]' | sed 's/^--\(.*\).$/\1/' | sort -u >"$work/zsh_flags"
    sed -n "s/^complete -c ampql -n '__ampql_at $command' -l \([^ ]*\).*/\1/p" "$work/fish" | sort -u >"$work/fish_flags"
    # shellcheck disable=SC2086
    "$AMPQL" help $command | sed -n 's/^  \(-[a-z], \|    \)--\([a-z.-]*\).*/\2/p' | sort -u >"$work/flags"
    check "ampql $command has flags" [ -s "$work/flags" ]
    check "zsh knows the flags of ampql $command" cmp "$work/zsh_flags" "$work/flags"
    check "fish knows the flags of ampql $command" cmp "$work/fish_flags" "$work/flags"
done <"$work/commands"
check "zsh offers words" grep -qF -- ":auto|prom3|prom2:(auto prom3 prom2)'" "$work/zsh"
check "fish offers words" grep -q "'__ampql_at query' -l dialect -x -a 'auto prom3 prom2'" "$work/fish"
check "zsh offers files" grep -qF ":SOURCE:_files'" "$work/zsh"

if command -v zsh >/dev/null; then
    check "zsh reads its completion" zsh -n "$work/zsh"
fi
if command -v fish >/dev/null; then
    check "fish reads its completion" fish -n "$work/fish"
    fish_offers() {
        HOME="$work" fish -c "source $work/fish; complete -C '$1'" | cut -f1 | sort | tr '\n' ' '
    }
    got=$(fish_offers 'ampql query --dialect ')
    check "fish: values of --dialect: $got" [ "$got" = 'auto prom2 prom3 ' ]
    got=$(fish_offers 'ampql rules ')
    check "fish: ampql rules: $got" [ "$got" = 'backfill check eval run ' ]
    got=$(fish_offers 'ampql query --lookb')
    check "fish: a flag: $got" [ "$got" = '--lookback-delta ' ]
fi
