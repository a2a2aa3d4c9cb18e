# ampql rules run: what is due at one time. On a clock it is tests/test_ruler.c, on a real Prometheus tests/oracle/ruler_run.py.
. tests/data/cli/lib.sh
day='-s examples/data/cluster_day.aqc --now 2026-03-02T00:00:00Z'
to='--remote-write http://127.0.0.1:1/api/v1/write'

run 0 rules run examples/rules/kubecost.yml $day --once $to --dry-run <<'END'
! ampql: note: evaluated 2 ticks, 0 late, 0 missed; 0 times a rule failed, 0 runs were made up for, 0 refused
! ampql: note: would write 235 samples in 1 request: $0.000021 at $0.90 for 10 million; 0 had arrived before
! ampql: note: some are older than an hour: AMP takes none of those, a Prometheus only what is not far behind its newest sample
END
"$AMPQL" rules run examples/rules/kubecost.yml $day --once $to --retries 0 2>"$work/err"
check 'the receiver is away' [ $? = 7 ]
check 'which is told' grep -q 'cannot connect' "$work/err"
run 2 rules run examples/rules/kubecost.yml $day $to <<'END'
! ampql: error: rules run: --now is for --once
!   hint: see `ampql help rules run`
END
run 2 rules run examples/rules/kubecost.yml $day --once <<'END'
! ampql: error: rules run: expected --remote-write: where to write what is recorded
!   hint: see `ampql help rules run`
END
feed 'groups: [{name: g, rules: [{alert: A, expr: up}]}]'
run 9 rules run - $day --once $to <<'END'
! ampql: error: no recording rules to evaluate
END
