# Captures that are none, too new, cut short or damaged, and names that none is written to: each command refuses, with file, place and
# exit status 9; `verify` says what is lost and what is left.
. tests/data/cli/lib.sh
small=tests/data/cli/small.prom
good=$work/good.aqc
bad=$work/bad.aqc
link=$work/link.aqc
echo 'a key of this test alone' >"$work/key"
run 0 fetch --out "$good" -s $small --time 60 'sum_over_time(requests_total[1m])' </dev/null
run 0 fetch --append --out "$good" -s $small --time 120 'sum_over_time(requests_total{zone="eu"}[30s])' </dev/null
run 0 capture verify "$good" <<'END'
whole: 2 of 2 selects can be used, 8 blocks, 3 series, 3 samples
END

# every command that reads a capture: MESSAGE, behind the file's name
refused() {
    for command in "query rate(requests_total[1m]) --time 60 -s $bad" "series requests_total -s $bad" "capture ls $bad" "capture show $bad" \
        "capture convert $bad $work/out.om" "capture convert $bad $work/out.aqc" "capture merge $good $bad $work/out.aqc" \
        "capture diff $good $bad" "capture redact --key-file $work/key $bad $work/out.aqc"; do
        # shellcheck disable=SC2086
        run 9 $command <<END
! ampql: error: $bad: $1
END
    done
    check "nothing was made of a capture: $1" [ ! -e "$work/out.aqc" -a ! -e "$work/out.om" -a ! -e "$work/out.aqc.new" ]
}

# BYTES at OFFSET of a copy
damage() {
    cp "$good" "$bad"
    printf "$2" | dd of="$bad" bs=1 seek="$1" conv=notrunc 2>/dev/null
}
size=$(wc -c <"$good")

: >"$bad"
refused "not a capture: shorter than a capture's head"
printf '{"status":"success","data":{}}' >"$bad"
refused 'not a capture: it begins with other bytes than captures do'
sed 's/\r//' "$good" >"$bad"
refused 'not a capture: it begins with other bytes than captures do'
damage 8 '\003'
refused 'a capture of version 3, and this ampql reads up to 2'
damage 12 '\001'
refused 'its head is damaged'
damage 40 'x'
refused 'block at offset 16: its checksum differs: it is damaged'
damage $((size - 30)) 'x'
refused "its end at offset $((size - 64)) is damaged"
head -c $((size - 1)) "$good" >"$bad"
refused "not a whole capture: it ends at offset $((size - 1)) without the end of one"
head -c 300 "$good" >"$bad"
refused 'not a whole capture: it ends at offset 300 without the end of one'
mkdir "$work/folder.aqc"
for command in ls show verify; do
    run 9 capture $command "$work/folder.aqc" <<END
! ampql: error: $work/folder.aqc: a folder, and a capture is a file
END
done

# where the blocks of a kind begin: ABOUT 1, ORIGIN 2, SYMBOLS 3, SELECT 4, SERIES 5, INDEX 7
number_at() {
    od -An -tu4 -j "$1" -N 4 "$good" | tr -d ' '
}
blocks=
at=16
while [ $at -lt $((size - 64)) ]; do
    blocks="$blocks $(od -An -tu1 -j $at -N 1 "$good" | tr -d ' '):$at"
    at=$((at + 24 + $(number_at $((at + 4)))))
done
place() {
    echo "$blocks" | tr ' ' '\n' | sed -n "s/^$1://p" | sed -n "$2p"
}

# one window lost: it is named, a query that needs it says where, the other one goes on
eu='requests_total{zone="eu"} from 1970-01-01T00:01:30Z to 1970-01-01T00:02:00Z (RAW)'
all='requests_total from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z (RAW)'
series=$(place 5 1)
damage $((series + 30)) 'x'
run 9 capture verify "$bad" <<END
$bad: block at offset $series: its checksum differs: it is damaged
lost: $all: $bad: block at offset $series: its checksum differs: it is damaged
damaged: 1 of 2 selects can be used, 4 blocks, 1 series, 1 samples
END
run 9 query -s "$bad" --time 60 'sum_over_time(requests_total[1m])' <<END
! ampql: error: $bad: block at offset $series: its checksum differs: it is damaged
END
run 0 query -s "$bad" --time 120 'sum_over_time(requests_total{zone="eu"}[30s])' <<'END'
{pod="a", zone="eu"} => 120 @[120]
END

# a capture that cannot be opened, and what is made of it
head -c "$(place 7 1)" "$good" >"$bad"
index=$(place 7 1)
run 9 capture verify "$bad" <<END
$bad: not a whole capture: it ends at offset $index without the end of one
$bad: block at offset $index: the file ends inside its head
lost: $eu: it is cut short
damaged: 1 of 2 selects can be used, 7 blocks, 2 series, 2 samples
it cannot be opened as it is: --rescue OUT.aqc writes what is left
END
run 9 capture verify -o json --rescue "$work/left.aqc" "$bad" <<END
{"finding":"$bad: not a whole capture: it ends at offset $index without the end of one","lost":null}
{"finding":"$bad: block at offset $index: the file ends inside its head","lost":null}
{"finding":"it is cut short","lost":"requests_total{zone=\\"eu\\"} from 1970-01-01T00:01:30Z to 1970-01-01T00:02:00Z (RAW)"}
{"whole":false,"finished":true,"opens":false,"rescued":true,"selects":2,"usable":1,"blocks":7,"series":2,"samples":2}
END
run 0 capture verify "$work/left.aqc" <<'END'
whole: 1 of 1 selects can be used, 6 blocks, 2 series, 2 samples
END
run 0 query -s "$work/left.aqc" --time 60 'sum_over_time(requests_total[1m])' <<'END'
{pod="a", zone="eu"} => 60 @[60]
{pod="b", zone="us"} => 70 @[60]
END
origin=$(place 2 1)
damage "$origin" 'x'
run 9 capture verify --rescue "$work/none.aqc" "$bad" <<END
$bad: block at offset $origin: its head is damaged
$bad: block at offset $origin: its head is damaged
damaged: 0 of 0 selects can be used, 1 blocks, 0 series, 0 samples
nothing is left that could be written
END
check 'nothing is made of nothing' [ ! -e "$work/none.aqc" ]

# names that no capture is written to
run 0 capture convert $small "$work/there.aqc" </dev/null
ln -s there.aqc "$link"
not_written() {
    for command in "capture convert $good $1" "capture merge $good $1" "capture verify --rescue $1 $good" \
        "capture redact --key-file $work/key $good $1" "fetch --out $1 -s $small --time 60 requests_total" \
        "query --record $1 -s $small --time 60 requests_total"; do
        # shellcheck disable=SC2086
        run 9 $command <<END
! ampql: error: $1: $2, and a capture is written as a plain file
END
    done
}
not_written "$link" 'a symbolic link'
not_written "$work/folder.aqc" 'a folder'
mkfifo "$work/pipe.aqc"
not_written "$work/pipe.aqc" 'not a plain file'
ln -s there.aqc "$work/new.aqc.part"
run 9 fetch --out "$work/new.aqc" -s $small --time 60 requests_total <<END
! ampql: error: $work/new.aqc.part: a symbolic link, which is not followed
END
run 9 capture verify --rescue "$good" "$good" <<END
! ampql: error: $good: the capture itself, expected another file: it stays as it is
END
