# Blocks of Prometheus as a source: a block that 2.42 wrote, and what that server answered from it (tests/data/source/README.md).
. tests/data/cli/lib.sh
data=tests/data/source/tsdb
block=$data/block
tab=$(printf '\t')

# the server's answers, to the byte, from the block and from a capture of it
run 0 capture convert $block "$work/block.aqc" </dev/null
for source in $block "$work/block.aqc"; do
    while IFS=$tab read -r flags query body; do
        printf '%s\n' "$body" >"$work/wanted"
        # shellcheck disable=SC2086
        "$AMPQL" query -s "$source" --dialect prom2 -o json $flags -- "$query" >"$work/got" 2>"$work/err"
        check "$query from $source" cmp "$work/wanted" "$work/got"
        check "silence of $query from $source" cmp /dev/null "$work/err"
    done <$data/answers.tsv
done
run 0 capture verify "$work/block.aqc" <<'END'
whole: 1 of 1 selects can be used, 6 blocks, 18 series, 2536 samples
END

run 0 labels -s $block cluster_id <<'END'
eks-dev
eks-prod
END
run 0 series -s $block 'kubelet_volume_stats_used_bytes{persistentvolumeclaim="data-cart-1",cluster_id!="eks-dev"}' <<'END'
kubelet_volume_stats_used_bytes{cluster_id="eks-prod", instance="ip-10-0-8-12.us-east-2.compute.internal", job="kubernetes-nodes", namespace="discovery-apps", persistentvolumeclaim="data-cart-1"}
END

# a data folder: its blocks, and a word on what is not one yet
ulid=$(sed -n 's/.*"ulid": "\(.*\)",/\1/p' $block/meta.json | head -1)
mkdir -p "$work/data/wal"
run 7 query -s "$work/data" up <<END
! ampql: error: $work/data: no block yet: what Prometheus has taken in within its last hours is in its WAL, which is not read; POST /api/v1/admin/tsdb/snapshot makes blocks
END
cp -r $block "$work/data/$ulid"
run 0 query -s "$work/data" --time 1772325000 'count(node_total_hourly_cost)' <<'END'
{} => 6 @[1772325000]
END
run 0 query -s "$work/data" --time 1772327000 'count(node_total_hourly_cost)' <<END
{} => 6 @[1772327000]
! ampql: warning: $work/data/wal is not read, and samples from 2026-03-01T00:59:49.196Z on may be in it: POST /api/v1/admin/tsdb/snapshot makes blocks of them
END

# damage is found where it is met
printf 'x' | dd of="$work/data/$ulid/chunks/000001" bs=1 seek=100 conv=notrunc 2>/dev/null
run 9 query -s "$work/data" --time 1772325000 'DCGM_FI_PROF_GR_ENGINE_ACTIVE[3h]' <<END
! ampql: error: $work/data/$ulid/chunks/000001: offset 8: the checksum of a chunk differs: damaged
END
cp -r $block "$work/old"
printf '\001' | dd of="$work/old/index" bs=1 seek=4 conv=notrunc 2>/dev/null
run 7 query -s "$work/old" --time 1772325000 up <<END
! ampql: error: $work/old/index: offset 4: an index of version 1, and this ampql reads 2
END
rm "$work/data/$ulid/index"
run 7 query -s "$work/data" --time 1772325000 up <<END
! ampql: error: $work/data/$ulid/index: No such file or directory
END

# what has a selects.json is saved answers, whatever else is there
cp -r tests/data/source/folder "$work/answers"
mkdir "$work/answers/wal" "$work/answers/chunks"
cp $block/meta.json "$work/answers/"
run 0 query -s "$work/answers" --time 900 'max_over_time(up{job="b"}[15m])' <<'END'
{instance="1", job="b"} => 5 @[900]
END
run 7 query -s tests/data/source up <<'END'
! ampql: error: tests/data/source: neither saved answers, which have a selects.json, nor a block or data folder of Prometheus
END

# Prometheus makes blocks of what is written for it
if command -v promtool >/dev/null; then
    check 'blocks that promtool makes of OpenMetrics' \
        python3 -B tests/oracle/tsdb.py blocks promtool "$AMPQL" $block "$work/blocks" >"$work/told"
    [ "$failures" = 0 ] || cat "$work/told"
fi
