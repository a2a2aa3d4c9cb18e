# ampql fmt.
. tests/data/cli/lib.sh

run 0 fmt 'sum(rate(x[5m]))by(pod)/on(pod)group_left y' '1+2' <<'END'
sum by (pod) (rate(x[5m])) / on (pod) group_left () y
1 + 2
END
feed 'sum( x )
'
run 0 fmt <<'END'
sum(x)
END
run 0 fmt --check 'sum(x)' <<'END'
END
run 1 fmt --check 'sum( x )' 'sum(x)' <<'END'
END
run 4 fmt --check 'sum(x)' 'sum(' <<'END'
! ampql: error: 1:5: parse error: unclosed left parenthesis
!   sum(
!       ^
END
