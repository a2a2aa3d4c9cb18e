# ampql series and ampql labels.
. tests/data/cli/lib.sh
small=tests/data/cli/small.prom

run 0 series -s $small requests_total <<'END'
requests_total{pod="a", zone="eu"}
requests_total{pod="b", zone="us"}
END
run 0 series -s $small --start 61 requests_total <<'END'
requests_total{pod="a", zone="eu"}
END
run 0 series -s $small -o json '{pod="b"}' '{zone="us"}' <<'END'
{"status":"success","data":[{"__name__":"requests_total","pod":"b","zone":"us"}]}
END
run 0 series -s $small -o csv ratio <<'END'
series
"ratio{text=""a \""b\"", c""}"
END
run 0 labels -s $small <<'END'
__name__
pod
text
zone
END
run 0 labels -s $small pod <<'END'
a
b
END
run 0 labels -s $small --match '{zone="us"}' -o json __name__ <<'END'
{"status":"success","data":["requests_total"]}
END
run 0 labels -s $small nothing <<'END'
END
run 4 series -s $small 'requests_total[5m]' <<'END'
! ampql: error: 1:15: parse error: unexpected "["
!   requests_total[5m]
!                 ^
END
