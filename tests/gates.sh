#!/bin/sh
# What must not be in the library's sources, where other projects had their holes: each gate is a pattern, where it counts, and
# what is excepted, with the reason. A gate that does not find its own example fails, too.
#
#   sh tests/gates.sh          all of src/
#   sh tests/gates.sh FILE...  these files instead (a sentence of what is found for each; for trying a gate)
set -eu
library='src/base src/series src/lang src/plan src/eval src/source src/engine src/rules src/cost src/serve src/api'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# Code alone: comments become blanks, lines stay. Strings stay, too: formats are in them.
strip() {
    sed -e 's|/\*[^*]*\*/||g' -e 's|^[[:space:]]*//.*||' -e 's|[[:space:]]//[^"]*$||' "$1" | awk '
        { line = $0
          while (1) {
              if (open) { at = index(line, "*/"); if (!at) { line = ""; break } line = substr(line, at + 2); open = 0 }
              at = index(line, "/*"); if (!at) break
              rest = substr(line, at); close_at = index(rest, "*/")
              if (close_at) line = substr(line, 1, at - 1) substr(rest, close_at + 2)
              else { print substr(line, 1, at - 1); getline; line = $0; open = 1 }
          }
          print line }'
}

files() {
    # shellcheck disable=SC2086
    find $1 -name '*.c' -o -name '*.h' -o -name '*.cc' | sort
}

# gate NAME FOLDERS PATTERN EXAMPLE [EXCEPTED]: lines with PATTERN in FOLDERS; EXCEPTED is a pattern of "FILE: line" that may be.
gate() {
    name=$1
    printf '%s\n' "$4" >"$work/example.c"
    if ! strip "$work/example.c" | grep -qE "$3"; then
        echo "  FAIL gates: $name does not find its own example: $4"
        failed=1
        return 0
    fi
    for file in ${given:-$(files "$2")}; do
        strip "$file" | grep -nE "$3" | sed "s|^|$file: |" || true
    done | { if [ -n "${5-}" ]; then grep -vE "$5" || true; else cat; fi; } >"$work/found"
    if [ -s "$work/found" ]; then
        echo "  FAIL gates: $name"
        sed 's/^/    /' "$work/found"
        failed=1
    else
        echo "  OK   gates: $name"
    fi
}

given=$*

# Sizes: (count, element size) through alloc.h and arena.h, which check the product. A product in an argument would have
# wrapped before. Excepted: constants times constants.
gate 'no product in the size of an allocation' "$library src/tool src/cli" \
    '(alloc_get|alloc_resize|arena_alloc|arena_zeroed|malloc|realloc|calloc)\([^;]*[A-Za-z0-9_)] \* [(A-Za-z0-9_]' \
    'p = arena_alloc(arena, a * b, sizeof *p);' \
    ': [0-9]+:.*(sizeof \*|[(, ][0-9]+ \* [a-z.>-]*n[a-z]*,)|src/base/alloc\.c'

# Memory comes through the engine'"'"'s allocator.
gate 'no malloc besides base/alloc.c' "$library" \
    '(^|[^_A-Za-z>.])(malloc|calloc|realloc|strdup|strndup|asprintf|vasprintf|getline|free)\(' \
    'p = malloc(n);' \
    '^src/base/alloc\.c|^src/source/(http|server|aws|auth|sigv4)[a-z_]*\.c.*curl'

# Strings have a length: input may hold NUL. Excepted, file by file: words of our own tables, paths and options of the caller
# (C strings by contract), and what was just quoted or printed into a buffer here.
gate 'no strlen on input' "$library" '(^|[^_A-Za-z])strlen\(' 'n = strlen(text);' \
    '^src/base/(str\.h|buf\.c|number\.c)|^src/(series/(exposition|labels)|source/(credentials_chain|server_call|capture_log|capture_place|capture_source|sigv4|tsdb_block|folder|server_decode|held_text|url|failure|auth)|cost/(filter|field|prices))\.c'

gate 'no function that has no bound, or a locale' "$library src/tool src/cli" \
    '(^|[^_A-Za-z])(atoi|atol|atoll|atof|strto(d|f|l|ul|ll|ull|ld)|sprintf|vsprintf|strcat|gets|alloca|strtok|scanf|sscanf|setlocale|localeconv|toupper|tolower|isalpha|isdigit|isspace|isalnum)\(' \
    'x = strtod(text, &end);' \
    '^src/(base/yaml|tool/rule_check)\.c: [0-9]+:.*sscanf\((inner\.|err->)message, "line %lu, column %lu' # of messages of ours

gate 'no strcpy but of what was measured' "$library src/tool src/cli" '(^|[^_A-Za-z])strcpy\(' 'strcpy(a, b);' \
    '^src/tool/serve_listen\.c'

# printf writes 0,5 in an embedding program that took a German locale. Excepted: what is printed to be read digit by digit, and
# whole numbers.
gate 'no number through printf in the library' "$library" '"[^"]*%[-+ #0-9.*]*[aAeEfFgG]([^a-zA-Z_%][^"]*)?"' \
    'buf_format(out, "x %.3f", v);' \
    '^src/base/number\.c: [0-9]+:.*"%\.1e"|%\.0f\.000000|%%28vector%%'

# Tests of a seed have a build of their own.
gate 'no environment in the layers below sources' 'src/base src/series src/lang src/plan src/eval' '(^|[^_A-Za-z])(getenv|secure_getenv)\(' \
    'p = getenv("X");' '^src/base/hash\.c'

exit $failed
