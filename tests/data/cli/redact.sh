# ampql capture redact and diff: tokens in place of label values, the same numbers; what one capture holds and another does not.
. tests/data/cli/lib.sh
small=tests/data/cli/small.prom
key=$work/key

check 'the redacted day answers as the day does' python3 -B tests/redacted.py "$AMPQL" "$work" >"$work/redacted"
[ "$failures" = 0 ] || cat "$work/redacted"

run 2 capture redact $small "$work/out.aqc" <<'END'
! ampql: error: capture redact: --key-file is missing: without a key tokens could be guessed
!   hint: head -c 32 /dev/urandom > key makes one
END
echo 'too short' >"$key"
run 0 capture convert $small "$work/small.aqc" </dev/null
run 9 capture redact --key-file "$key" "$work/small.aqc" "$work/out.aqc" <<END
! ampql: error: $key: a key of 9 bytes, expected 16 to 65536
END
echo 'a key of this test alone' >"$key"
run 0 capture redact --key-file "$key" "$work/small.aqc" "$work/out.aqc" <<'END'
! ampql: note: 6 values are tokens now
END
run 5 query -s "$work/out.aqc" --time 60 'requests_total{zone="eu"}' <<END
! ampql: error: $work/out.aqc is redacted: it has tokens for the values of "zone", and cannot tell which are ="eu"; ask for tokens, such as "r_0123456789abcdef"
END
run 0 query -s "$work/out.aqc" --time 120 'sum(rate(requests_total[2m]))' <<'END'
{} => 1 @[120]
! ampql: warning: label values are redacted: what looks into their text is not what it was, and sums, which add in the order of labels, may differ in the last digits
END

run 0 capture diff "$work/small.aqc" "$work/small.aqc" <<END
the same: content id $("$AMPQL" capture show -o json "$work/small.aqc" | sed 's/{"id":"\([0-9a-f]*\)".*/\1/')
END
sed 's/^requests_total{pod="a",zone="eu"} 60 60000$/requests_total{pod="a",zone="eu"} 61 60000/' $small >"$work/other.prom"
cmp -s $small "$work/other.prom" && echo 'nothing was changed' && failures=1
run 0 capture convert "$work/other.prom" "$work/other.aqc" </dev/null
"$AMPQL" capture diff "$work/small.aqc" "$work/other.aqc" >"$work/out"
check 'captures that differ: the status' [ $? = 1 ]
check 'captures that differ: the sample' grep -q 'requests_total{pod="a", zone="eu"}: 1 of [0-9]* samples differ, first at 1970-01-01T00:01:00Z: 60 and 61$' "$work/out"
