#!/bin/sh
# Every include of src/ goes only to a layer that src/layers allows, and src/README.md has a line for every file.
set -eu
find src -name '*.[ch]' -o -name '*.cc' -o -name '*.def' | sort | xargs awk '
FILENAME == "src/layers" { next }
FNR == 1 { split(FILENAME, part, "/"); layer = part[2] }
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\""); split(quoted[2], target, "/")
    if (quoted[2] !~ /\//) report(quoted[2] " has no layer in its path")
    else if (target[1] != layer && !((layer, target[1]) in allowed)) report(layer " may not include " quoted[2])
}
/^[ \t]*#[ \t]*include[ \t]*<ampql/ {
    match($0, /<[^>]*>/); name = substr($0, RSTART, RLENGTH)
    if (name != "<ampql/base.h>" && !((layer, name) in allowed)) report(layer " may not include " name)
}
function report(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; bad = 1 }
BEGIN {
    while ((getline line < "src/layers") > 0) {
        sub(/#.*/, "", line)
        if (split(line, half, ":") < 2) continue
        n = split(half[2], names, " ")
        for (i = 1; i <= n; i++) allowed[half[1], names[i]] = 1
    }
}
END { exit bad }
'
missing=$(find src -name '*.[ch]' -o -name '*.cc' -o -name '*.def' | sort | while read -r path; do
    name=${path#src/*/}
    grep -qF "* \`${name%.*}." src/README.md || echo "$path: not in src/README.md"
done)
[ -z "$missing" ] || {
    echo "$missing"
    exit 1
}
echo '  OK   layers'
