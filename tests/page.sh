#!/bin/sh
# Optional, with Chromium: the page of `ampql allocate --html` as a browser has it: page.sh AMPQL
#
# Its script runs without an error and sorts by a click; without JavaScript the table is there; nothing is asked of a network.
set -eu
ampql=$1
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "page.sh: error: no chromium in PATH; this check is optional" >&2
    exit 1
}
folder=$PWD/build/page
rm -rf "$folder" && mkdir -p "$folder"
"$ampql" allocate -s examples/data/cluster_day.aqc --window 2026-03-01T00:00:00Z,2026-03-02T00:00:00Z -a namespace --step 2h --idle \
    --html "$folder/page.html" >"$folder/table" 2>"$folder/warnings"
# the same page, that then clicks on the head of the costs
sed 's|^</body>|<script>document.querySelectorAll("thead th")[8].click();</script></body>|' "$folder/page.html" >"$folder/click.html"
# one that may run no script
sed 's|<head>|<head><meta http-equiv="Content-Security-Policy" content="default-src '"'none'"'; style-src '"'unsafe-inline'"'">|' "$folder/page.html" >"$folder/quiet.html"
dom() {
    "$browser" --headless --no-sandbox --disable-gpu --dump-dom --host-resolver-rules='MAP * ~NOTFOUND' "file://$folder/$1.html" \
        >"$folder/$1.dom" 2>"$folder/$1.log"
}
names() { # of the table's rows, in order
    sed -n '/<tbody>/,/<tfoot>/p' "$folder/$1.dom" | sed 's|<tr>|\n<tr>|g; s|<tfoot>.*||' | sed -n 's|^<tr><td>\([^<]*\)</td>.*|\1|p'
}
dom click
dom quiet
first=$(names click | head -n 1)
[ "$first" = __idle__ ] || { echo "page.sh: error: sorted by cost, the first row is $first" >&2; exit 1; }
grep -q 'thead class="sorts"' "$folder/click.dom" || { echo "page.sh: error: the script did not run" >&2; exit 1; }
if grep -q 'thead class="sorts"' "$folder/quiet.dom"; then echo "page.sh: error: a script ran" >&2; exit 1; fi
[ "$(names click | sort)" = "$(names quiet | sort)" ] || { echo "page.sh: error: without scripts other rows" >&2; exit 1; }
[ "$(names quiet | wc -l)" = 9 ] || { echo "page.sh: error: $(names quiet | wc -l) rows" >&2; exit 1; }
"$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1200,1100 --screenshot="$folder/page.png" \
    "file://$folder/page.html" >/dev/null 2>&1
[ "$(wc -c <"$folder/page.png")" -gt 20000 ] || { echo "page.sh: error: an empty picture" >&2; exit 1; }
echo "  OK   the page in $("$browser" --version 2>/dev/null | head -n 1); its picture is build/page/page.png"
