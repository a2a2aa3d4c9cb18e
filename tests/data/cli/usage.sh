# Mistakes in the command line: exit status 2, one line, a hint.
. tests/data/cli/lib.sh

run 2 qeury up <<'END'
! ampql: error: unknown command: "qeury"
!   hint: did you mean ampql query?
END
run 2 rules <<'END'
! ampql: error: ampql rules is several commands
!   hint: expected: ampql rules check, ampql rules eval, ampql rules backfill, ampql rules run
END
run 2 --time 5 query up <<'END'
! ampql: error: unknown command: "--time"
!   hint: flags come after the command
END
run 2 query <<'END'
! ampql: error: query: expected EXPR
!   hint: see `ampql help query`
END
run 2 query sum by '(pod)' <<'END'
! ampql: error: query: expected EXPR, got 3 operands
!   hint: put an expression in quotes
END
run 2 query --tiem 5 up <<'END'
! ampql: error: query: unknown flag: "--tiem"
!   hint: did you mean --time?
END
run 2 query -1 <<'END'
! ampql: error: query: unknown flag: "-1"
!   hint: put -- before an expression that begins with -
END
run 2 query --output xml up <<'END'
! ampql: error: query: --output: expected table|json|csv|promql|openmetrics: "xml"
!   hint: see `ampql help query`
END
run 2 query --max-bytes 1GB up <<'END'
! ampql: error: query: --max-bytes: expected a number of bytes over 0, such as 65536, 64KiB or 2GiB: "1GB"
!   hint: see `ampql help query`
END
run 2 query --max-bytes 17179869184GiB up <<'END'
! ampql: error: query: --max-bytes: expected a number of bytes over 0, such as 65536, 64KiB or 2GiB: "17179869184GiB"
!   hint: see `ampql help query`
END
run 2 query --time 5 --step 1m up <<'END'
! ampql: error: query: --time is for one time, --start --end --step for many
!   hint: see `ampql help query`
END
run 2 query --start 5 up <<'END'
! ampql: error: query: a range query needs --start and --step
!   hint: see `ampql help query`
END
run 2 query --start 5 --end 4 --step 1 up <<'END'
! ampql: error: query: --end is before --start
!   hint: see `ampql help query`
END
run 2 query --start 5 --end 6 --step 0 up <<'END'
! ampql: error: query: --step must be over 0
!   hint: see `ampql help query`
END
run 2 query --error-format=json --tiem 5 up <<'END'
! {"level":"error","code":"BAD_DATA","errorType":"bad_data","exit":2,"message":"unknown flag: \"--tiem\"","what":"query","hint":"did you mean --time?"}
END
run 2 allocate -w 1x <<'END'
! ampql: error: --window: 1:1: not a window: "1x", expected today, yesterday, week, lastweek, month, lastmonth, a duration such as 7d or 12h offset 1d, or START,END
!   1x
!   ^^
END
run 2 allocate --window 2026-03-02T00:00:00Z,2026-03-01T00:00:00Z <<'END'
! ampql: error: --window: 1:1: the end is not after the start
!   2026-03-02T00:00:00Z,2026-03-01T00:00:00Z
!   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
END
run 2 allocate <<'END'
! ampql: error: allocate: expected --window
!   hint: see `ampql help allocate`
END
run 2 functions raet <<'END'
! ampql: error: functions: no function or aggregation is called raet
!   hint: did you mean rate?
END
run 2 help qeury <<'END'
! ampql: error: unknown command: "qeury"
!   hint: did you mean ampql query?
END
