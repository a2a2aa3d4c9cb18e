#!/bin/sh
# The first C program of README.md compiles against the library, runs from the root, and prints the text block that follows.
set -eu
build=${B:-build}
work=$build/readme
rm -rf "$work"
mkdir -p "$work"
awk -v program="$work/example.c" -v output="$work/expected" '
/^```c$/ && !state { state = 1; next }
/^```text$/ && state == 2 { state = 3; next }
/^```/ && (state == 1 || state == 3) { state++; next }
state == 1 { print >program }
state == 3 { print >output }
state == 4 { exit }
END { exit state != 4 }
' README.md || {
    echo "  FAIL README.md has no C block followed by a text block" >&2
    exit 1
}
# LDLIBS and LDFLAGS are lists of words.
# shellcheck disable=SC2086
{
    ${CC:-gcc} -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude -c "$work/example.c" -o "$work/example.o"
    ${CXX:-g++} ${LDFLAGS:-} -o "$work/example" "$work/example.o" "$build/libampql.a" $LDLIBS
}
"$work/example" >"$work/printed"
diff -u "$work/expected" "$work/printed" || {
    echo "  FAIL README.md: its program does not print what it says" >&2
    exit 1
}
echo "  OK   README.md: its program prints what it says"
