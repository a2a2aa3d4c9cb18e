# The public headers as the section FUNCTIONS of libampql(3): what the first comment of each header says, then every
# function with the comment before it.
function roff(s)
{
    gsub(/\\/, "\\e", s)
    gsub(/-/, "\\-", s)
    gsub(/'/, "\\(aq", s)
    gsub(/`/, "\\(ga", s)
    return s ~ /^\./ ? "\\&" s : s
}
function show_comment(n, i)
{
    print ".nf"
    for (i = 1; i <= n; i++)
        print roff(comment[i])
    print ".fi"
}
FNR == 1 {
    print ".SS <" substr(FILENAME, index(FILENAME, "ampql")) ">"
    seen_first = in_comment = in_function = ncomment = 0
}
/^\/\*/ || in_comment {
    if (!in_comment)
        ncomment = 0
    line = $0
    in_comment = line !~ /\*\//
    sub(/^\/\* ?/, "", line)
    sub(/^ \* ?/, "", line)
    sub(/ *\*\/ *$/, "", line)
    comment[++ncomment] = line
    if (!in_comment && !seen_first) {
        show_comment(ncomment)
        seen_first = 1
        ncomment = 0
    }
    next
}
/^AMPQL_API/ || in_function {
    if (!in_function) {
        print ".PP\n.nf"
        sub(/^AMPQL_API /, "")
    }
    in_function = $0 !~ /;/
    behind = ""
    if (match($0, /; *\/\*.*\*\//)) {
        behind = substr($0, RSTART + 1)
        $0 = substr($0, 1, RSTART)
        gsub(/^ *\/\* *| *\*\/ *$/, "", behind)
    }
    if ($0 == "AMPQL_API" || $0 == "")
        next
    print "\\fB" roff($0) "\\fR"
    if (!in_function) {
        print ".fi"
        if (ncomment || behind != "") {
            print ".RS"
            if (behind != "")
                print roff(behind)
            if (ncomment)
                show_comment(ncomment)
            print ".RE"
        }
        ncomment = 0
    }
    next
}
# A comment is a function's only when nothing stands between them.
/./ { ncomment = 0 }
