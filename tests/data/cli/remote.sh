# --remote-write: what is counted without sending, and flags that make no sense. Sending is tests/fake_amp/write_run.py.
. tests/data/cli/lib.sh
small=tests/data/cli/small.prom
rules=tests/data/cli/small.yml

run 0 rules eval $rules -s $small --time 120 --remote-write amp:ws-1@eu-west-1 --dry-run --remote-write.max-samples 2 <<'END'
! ampql: note: would write 3 samples in 2 requests: $0.000000 at $0.90 for 10 million; 0 had arrived before
! ampql: note: some are older than an hour: AMP takes none of those, a Prometheus only what is not far behind its newest sample
END
run 2 rules eval $rules -s $small --time 120 --dry-run <<'END'
! ampql: error: rules eval: --dry-run and --remote-write.* are about --remote-write, which was not given
!   hint: see `ampql help rules eval`
END
run 9 rules eval $rules -s $small --time 120 --remote-write somewhere <<'END'
! ampql: error: remote write: --remote-write: expected http(s)://... or amp:WORKSPACE@REGION: "somewhere"
END
run 9 rules eval $rules -s $small --time 120 --remote-write amp:ws-1 <<'END'
! ampql: error: remote write: expected amp:WORKSPACE@REGION: "amp:ws-1"
END
echo 'not a state' >"$work/state"
run 9 rules eval $rules -s $small --time 120 --remote-write http://127.0.0.1:1/ --remote-write.state "$work/state" <<END
! ampql: error: remote write: $work/state: not a state file of remote write
END
