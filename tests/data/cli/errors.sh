# What went wrong, where, and the exit status that says which kind it is.
. tests/data/cli/lib.sh
small=tests/data/cli/small.prom

# 4: does not parse; a caret under the place
run 4 query 'sum(rate(x[5m])' <<'END'
! ampql: error: 1:16: parse error: unclosed left parenthesis
!   sum(rate(x[5m])
!                  ^
END
run 4 query --error-format json 'raet(x[5m])' <<'END'
! {"level":"error","code":"PARSE","errorType":"bad_data","exit":4,"message":"unknown function with name \"raet\"","position":{"start":0,"end":4,"line":1,"column":1},"hint":"did you mean rate?"}
END
run 4 query 'sum(
  raet(x[5m])
)' <<'END'
! ampql: error: 2:3: parse error: unknown function with name "raet"
!     raet(x[5m])
!     ^^^^
!   hint: did you mean rate?
END

# 5: cannot be evaluated
run 5 query -s $small --time 60 --stale-after 5m 'ratio * on () requests_total' <<'END'
! ampql: error: 1:7: found duplicate series for the match group {} on the right hand-side of the operation: [{__name__="requests_total", pod="a", zone="eu"}, {__name__="requests_total", pod="b", zone="us"}];many-to-many matching not allowed: matching labels must be unique on one side
!   ratio * on () requests_total
!         ^
END

# 6: limits
run 6 query -s $small --start 0 --end 120 --step 30 --max-samples 3 'rate(requests_total[5m])' <<'END'
! ampql: error: 1:1: query processing would load too many samples into memory in query execution
!   rate(requests_total[5m])
!   ^^^^^^^^^^^^^^^^^^^^^^^^
END
run 6 query -s $small --time 60 --stale-after 5m --max-series 1 'sum(ratio) + count(requests_total)' <<'END'
! ampql: error: 1:20: a selector matches more than 1 series
!   sum(ratio) + count(requests_total)
!                      ^^^^^^^^^^^^^^
END
run 6 query -s $small --time 60 --stale-after 5m --max-series 2 -- '-requests_total or ratio or requests_total' <<'END'
! ampql: error: 1:17: more than 2 series in one operation
!   -requests_total or ratio or requests_total
!                   ^^
END
run 6 query -s $small --time 60 --stale-after 5m --max-bytes 4KiB 'sum(requests_total)' <<'END'
! ampql: error: the run would hold more than 4096 bytes at once
!   hint: --max-bytes allows more
END
run 6 query -s $small --time 60 --stale-after 5m --max-labels 2 'sum(requests_total)' <<'END'
! ampql: error: 1:5: a series has 3 labels, where at most 2 are allowed
!   sum(requests_total)
!       ^^^^^^^^^^^^^^
END
run 6 query -s $small --time 60 --stale-after 5m --max-label-bytes 8 'sum(requests_total)' <<'END'
! ampql: error: 1:5: a label's value has 14 bytes, where at most 8 are allowed, in label: "__name__"
!   sum(requests_total)
!       ^^^^^^^^^^^^^^
END
run 6 series -s $small --max-series 1 requests_total <<'END'
! ampql: error: a selector matches more than 1 series
END

# 7: sources
run 7 query -s tests/data/cli/nowhere.prom --time 1 x <<'END'
! ampql: error: tests/data/cli/nowhere.prom: No such file or directory
END
run 9 query -s amp:ws-1 --time 1 x <<'END'
! ampql: error: expected amp:WORKSPACE@REGION: "amp:ws-1"
END
run 9 query -s http://127.0.0.1:1 --header novalue --time 1 x <<'END'
! ampql: error: --header: expected NAME:VALUE
END
run 2 query --time 1 x <<'END'
! ampql: error: the expression reads series, and no --source was given
!   hint: name a file or folder with --source, or set AMPQL_SOURCE
END

# 9: wrong data
feed 'x 5 1000
x{ 5
'
run 9 query -s - --time 1 x <<'END'
! ampql: error: stdin:2:4: expected a label name or }, found "5"
END
run 9 rules check tests/data/cli/nowhere.yml <<'END'
! ampql: error: tests/data/cli/nowhere.yml: No such file or directory
END

# 10: the output cannot be written
if [ -e /dev/full ]; then
    "$AMPQL" query --time 1 1 >/dev/full 2>"$work/err"
    check "a full device is exit status 10" [ $? = 10 ]
    check "a full device is said" grep -q '^ampql: error: standard output: No space left on device$' "$work/err"
fi
{
    "$AMPQL" functions 2>"$work/err"
    echo $? >"$work/status"
} | true
check "a closed pipe is exit status 0 or 10" grep -qxE '0|10' "$work/status"
check "a closed pipe is quiet" [ ! -s "$work/err" ]
"$AMPQL" query --time 1 1 >&- 2>"$work/err"
check "a closed output is exit status 10" [ $? = 10 ]

# 130: interrupted, here while it waits for its source
mkfifo "$work/fifo"
sleep 5 3<>"$work/fifo" &
timeout -s INT --preserve-status 0.5 "$AMPQL" query -s "$work/fifo" --time 1 x >"$work/out" 2>"$work/err"
check "an interrupt is exit status 130" [ $? = 130 ]
kill $! || true

# a function of the other dialect is no slip
run 4 query --time 0 'holt_winters(x[5m], 0.1, 0.1)' <<'END'
! ampql: error: 1:1: parse error: unknown function with name "holt_winters"
!   holt_winters(x[5m], 0.1, 0.1)
!   ^^^^^^^^^^^^
!   hint: the other --dialect has it
END
