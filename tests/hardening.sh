#!/bin/sh
# The built command and libraries have what makes a memory error hard to use: position-independent, addresses of functions
# read-only once loaded, no executable stack, stack protector, checked string functions, and on amd64 marks for indirect calls.
# Before that each check is shown a file without its property, which it must refuse.
set -eu
build=${B:-build}
cc=${CC:-gcc}
work=$build/hardening
rm -rf "$work"
mkdir -p "$work"

# Checks: each is given a file and holds or not.
position_independent() { readelf -hW "$1" | grep -q 'Type: *DYN'; }
pie_flag() { readelf -dW "$1" | grep -q 'FLAGS_1.* PIE'; }
relro() { readelf -lW "$1" | grep -q GNU_RELRO; }
bound_at_start() { readelf -dW "$1" | grep -q 'FLAGS.* NOW'; }
stack_not_executable() { readelf -lW "$1" | grep -qE 'GNU_STACK .* RW +0x'; }
nothing_writable_and_executable() { ! readelf -lW "$1" | grep -qE 'LOAD .* RWE '; }
no_text_relocations() { ! readelf -dW "$1" | grep -q TEXTREL; }
no_search_path() { ! readelf -dW "$1" | grep -qE '\((RPATH|RUNPATH)\)'; }
stack_protector() { readelf -sW "$1" | grep -q 'UND .*__stack_chk_fail\|UND __stack_chk_fail'; }
fortify() { [ "$(readelf -sW "$1" | grep -oE 'UND +__[a-z]+_chk' | sort -u | wc -l)" -ge "${2:-3}" ]; }
# Of an object: that it would let the stack be executable is said by a missing section, too.
stack_note() { readelf -SW "$1" | grep 'note.GNU-stack' | grep -qv ' X '; }
branch_marks() { readelf -nW "$1" | grep -q 'x86 feature: IBT, SHSTK'; }

# can_fail CHECK WHAT FLAGS...: a program, library or object that lacks the property is refused, and one that has it is not.
printf '%s\n' '#include <stdio.h>' '#include <string.h>' 'void fill(char *, const char *, unsigned);' \
    'void fill(char *out, const char *in, unsigned n) { char b[64]; strcpy(b, in); sprintf(b + n, "%s", in); strcat(b, in); strcpy(out, b); }' \
    'int main(int n, char **v) { char b[64]; fill(b, v[0], n); return puts(b); }' >"$work/host.c"
good='-O2 -fPIC -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -Wl,-z,relro,-z,now,-z,noexecstack'
failed=0
can_fail() {
    check=$1
    what=$2
    shift 2
    # shellcheck disable=SC2086
    $cc $good $what -w -o "$work/good" "$work/host.c" && $cc $good $what "$@" -w -o "$work/weak" "$work/host.c"
    $check "$work/good" || {
        echo "  FAIL the check $check refuses a file that has the property" >&2
        failed=1
    }
    if $check "$work/weak"; then
        echo "  FAIL the check $check accepts a file built with: $*" >&2
        failed=1
    fi
}
can_fail position_independent -pie -no-pie
can_fail pie_flag -pie -no-pie
can_fail relro -pie -Wl,-z,norelro
can_fail bound_at_start -pie -Wl,-z,lazy
can_fail stack_not_executable -pie -Wl,-z,execstack
can_fail nothing_writable_and_executable -pie -nostdlib -static -no-pie -Wl,--omagic,--no-warn-rwx-segments,--unresolved-symbols=ignore-all,-e,main
can_fail no_search_path -pie -Wl,-rpath,/usr/local/lib
can_fail stack_protector -pie -fno-stack-protector
can_fail fortify -pie -U_FORTIFY_SOURCE
can_fail stack_note -c -Wa,--execstack
marks=
case $($cc -dumpmachine) in
x86_64-*)
    marks=branch_marks
    good="$good -fcf-protection=full"
    can_fail branch_marks -c -fcf-protection=none
    ;;
esac
[ $failed = 0 ] || exit 1
echo '  OK   hardening: each check refuses a file without its property'

# has FILE CHECK...
has() {
    file=$1
    shift
    for check in "$@"; do
        $check "$file" || {
            echo "  FAIL $file: $check" >&2
            failed=1
        }
    done
}
linked='position_independent relro bound_at_start stack_not_executable nothing_writable_and_executable no_text_relocations
    no_search_path stack_protector fortify'
# shellcheck disable=SC2086
{
    has "$build/ampql" pie_flag $linked
    has "$build/libampql.so" $linked
    # The marks are asked of what is compiled here: the linker keeps them only if the C library's own start code has them, too,
    # and that of Debian 12 has not.
    has "$build/libampql.o" stack_note stack_protector fortify $marks
}
for object in $(find "$build/obj/src" -name '*.o' | sort); do
    # shellcheck disable=SC2086
    has "$object" stack_note $marks
done
[ $failed = 0 ] || exit 1
echo "  OK   hardening: $build/ampql, libampql.so, libampql.a and $(find "$build/obj/src" -name '*.o' | wc -l) objects"
