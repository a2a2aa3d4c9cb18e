# ampql fetch: what would be read, and reading it into a capture.
. tests/data/cli/lib.sh

run 0 fetch -s tests/data/cli/small.prom --time 3600 --dry-run 'sum(rate(x[5m]))' 'y @ 60' <<'EOF'
KIND  FROM                  TO                    STEP  SERIES  SAMPLES/SERIES  REQUESTS  QUERY
RAW   1969-12-31T23:56:00Z  1970-01-01T00:01:00Z             ?               5         ?  y[5m]
RAW   1970-01-01T00:55:00Z  1970-01-01T01:00:00Z             ?               5         ?  x[5m]
EOF
# a left-closed window of five minutes is asked for with one ms more, which does not show
run 0 fetch -s examples/data/cluster_day.aqc --time 2026-03-02T00:00:00Z --dry-run --interval 30s 'up[5m]' <<'EOF'
KIND  FROM                      TO                    STEP  SERIES  SAMPLES/SERIES  REQUESTS  QUERY
RAW   2026-03-01T23:54:59.999Z  2026-03-02T00:00:00Z             ?              11         ?  up[5m]
EOF
run 2 fetch -s tests/data/cli/small.prom --time 3600 x <<'EOF'
! ampql: error: fetch: name the capture to write with --out FILE.aqc
!   hint: --dry-run says what would be fetched
EOF
run 2 fetch -s tests/data/cli/small.prom --time 3600 --dry-run --price cheap x <<'EOF'
! ampql: error: fetch: --price: expected dollars, such as 0.10
!   hint: see `ampql help fetch`
EOF
query='sum by (namespace) (avg_over_time(container_memory_allocation_bytes[1d]))'
run 0 fetch -s examples/data/cluster_day.aqc --time 2026-03-02T00:00:00Z --out "$work/day.aqc" "$query" <<'EOF'
EOF
check 'the capture is there, and its log gone' [ -s "$work/day.aqc" -a ! -e "$work/day.aqc.part" ]
