# --dialect auto: the source says in which dialect an expression is read, and mistakes in its text come first.
. tests/data/cli/lib.sh
mkdir "$work/old"
cat >"$work/old/selects.json" <<'END'
{"version": 1, "answers": [{"file": "x.json", "kind": "RAW", "query": "x[1m]", "time": 120, "dialect": "prom2"},
                           {"file": "info.json", "kind": "GRID", "query": "info", "time": 120, "dialect": "prom2"}]}
END
cat >"$work/old/x.json" <<'END'
{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"x"},"values":[[60,"1"],[90,"2"],[120,"4"]]}]}}
END
cat >"$work/old/info.json" <<'END'
{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"info"},"value":[120,"1"]}]}}
END
cd "$work" || exit 1

run 0 query -s old --time 120 'holt_winters(x[1m], 0.5, 0.5)' <<'END'
{} => 3.5 @[120]
END
run 0 query -s old --time 120 info <<'END'
info => 1 @[120]
END
run 0 explain -s old --time 120 -o json 'holt_winters(x[1m], 0.5, 0.5)' <<'END'
{"selects":[{"query":"x[1m]","kind":"RAW","time":120}]}
END

# What only 3.x knows is refused, and how to have it is said.
run 4 query -s old --time 120 'first_over_time(x[1m])' <<'END'
! ampql: error: 1:1: parse error: unknown function with name "first_over_time"
!   first_over_time(x[1m])
!   ^^^^^^^^^^^^^^^
!   hint: the source was recorded from a 2.x server; --dialect prom3 reads it as 3.x
END
run 0 query -s old --dialect prom3 --time 120 'first_over_time(x[1m])' <<'END'
x => 2 @[120]
! ampql: warning: the source was recorded from a prom2 server, evaluating as prom3
END
run 4 query -s old --dialect prom3 --time 120 'holt_winters(x[1m], 0.5, 0.5)' <<'END'
! ampql: error: 1:1: parse error: unknown function with name "holt_winters"
!   holt_winters(x[1m], 0.5, 0.5)
!   ^^^^^^^^^^^^
!   hint: the other --dialect has it
END
run 4 query --time 120 'holt_winters(x[1m], 0.5, 0.5)' <<'END'
! ampql: error: 1:1: parse error: unknown function with name "holt_winters"
!   holt_winters(x[1m], 0.5, 0.5)
!   ^^^^^^^^^^^^
!   hint: the other --dialect has it
END

# Wrong in every dialect that it could be: said before the source is looked for. Else the source is missed.
run 4 query -s nowhere --time 120 'sum(x' <<'END'
! ampql: error: 1:6: parse error: unclosed left parenthesis
!   sum(x
!        ^
END
run 7 query -s nowhere --time 120 'holt_winters(x[1m], 0.5, 0.5)' <<'END'
! ampql: error: nowhere: No such file or directory
END
run 4 query -s nowhere --dialect prom3 --time 120 'holt_winters(x[1m], 0.5, 0.5)' <<'END'
! ampql: error: 1:1: parse error: unknown function with name "holt_winters"
!   holt_winters(x[1m], 0.5, 0.5)
!   ^^^^^^^^^^^^
!   hint: the other --dialect has it
END
run 4 explain -s nowhere --time 120 up 'up +' <<'END'
! ampql: error: 1:5: parse error: unexpected end of input
!   up +
!       ^
END
run 4 series -s nowhere 'x{' <<'END'
! ampql: error: 1:3: parse error: unexpected end of input inside braces
!   x{
!     ^
END
run 7 labels -s nowhere --match x <<'END'
! ampql: error: nowhere: No such file or directory
END

# Rules, too.
cat >rules.yml <<'END'
groups:
- name: g
  rules:
  - record: r
    expr: holt_winters(x[1m], 0.5, 0.5)
END
run 0 rules eval rules.yml -s old --time 120 <<'END'
r => 3.5 @[120]
END
run 7 rules eval rules.yml -s nowhere --time 120 <<'END'
! ampql: error: nowhere: No such file or directory
END
sed -i 's/holt_winters/holt_summers/' rules.yml
run 4 rules eval rules.yml -s nowhere --time 120 <<'END'
! ampql: error: rules.yml: line 5, column 11: expr of "r": unknown function with name "holt_summers"
!       expr: holt_summers(x[1m], 0.5, 0.5)
!             ^^^^^^^^^^^^
END
