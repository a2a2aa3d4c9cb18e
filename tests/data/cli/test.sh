# ampql test: what it prints, its exit status, and JUnit's file.
. tests/data/cli/lib.sh
cd "$work" || exit 1

cat >good.test <<'END'
load 1m
  x{a="b"} 1 2 3
  h        {{count:1 sum:1}}

eval instant at 2m x + 1
  {a="b"} 4

eval instant at 2m h

eval instant at 2m sum(h)
END
cat >bad.test <<'END'
load 1m
  x{a="b"} 1 2 3

eval instant at 2m x + 1
  {a="b"} 5

eval range from 0 to 2m step 1m x
  x{a="b"} 1 2 4

eval instant at 2m x +

eval_fail instant at 2m x
END
cat >broken.test <<'END'
load 1m
  x{a="b} 1 2 3
END

run 0 test good.test <<'END'
ok   good.test (1)
skipped 2: needs native histograms
1 passed, 0 failed, 2 skipped
END

run 1 test bad.test <<'END'
bad.test:4: x + 1
    expected {a="b"} 5
    got      {a="b"} 4
bad.test:7: x
    expected x{a="b"} 1 2 4
    got      x{a="b"} 1 2 3
    differs  at 2m: expected 4, got 3
bad.test:10: x +
    error    10:23: unexpected end of input
bad.test:12: x
    expected to fail, and it did not
0 passed, 4 failed, 0 skipped
END

run 9 test -q broken.test good.test <<'END'
skipped 2: needs native histograms
1 passed, 0 failed, 2 skipped
! ampql: error: broken.test:2:7: unterminated quoted string: "x{a=\"b} 1 2 3"
END

run 9 test nowhere.test <<'END'
0 passed, 0 failed, 0 skipped
! ampql: error: nowhere.test: No such file or directory
END

# A query may hold 10,000 samples.
cat >limit.test <<'END'
load 1s
  x 1x20000

eval instant at 20000s count_over_time(x[20000s])
  {} 20000
END
run 1 test -q limit.test <<'END'
limit.test:4: count_over_time(x[20000s])
    error    4:24: query processing would load too many samples into memory in query execution
0 passed, 1 failed, 0 skipped
END
run 0 test -q --max-samples 30000 limit.test <<'END'
1 passed, 0 failed, 0 skipped
END

cat >old.test <<'END'
load 1m
  x 0 60 120

eval instant at 2m count_over_time(x[1m])
  {} 2
END
run 0 test -q --dialect prom2 old.test <<'END'
1 passed, 0 failed, 0 skipped
END
run 1 test -q old.test <<'END'
old.test:4: count_over_time(x[1m])
    expected {} 2
    got      {} 1
0 passed, 1 failed, 0 skipped
END

run 1 test -q --junit out.xml good.test bad.test <<'END'
bad.test:4: x + 1
    expected {a="b"} 5
    got      {a="b"} 4
bad.test:7: x
    expected x{a="b"} 1 2 4
    got      x{a="b"} 1 2 3
    differs  at 2m: expected 4, got 3
bad.test:10: x +
    error    10:23: unexpected end of input
bad.test:12: x
    expected to fail, and it did not
skipped 2: needs native histograms
1 passed, 4 failed, 2 skipped
END
${PYTHON:-python3} - <<'END' || failures=$((failures + 1))
import xml.etree.ElementTree as tree
suites = tree.parse("out.xml").getroot()
got = [(s.get("name"), s.get("tests"), s.get("failures"), s.get("errors"), s.get("skipped")) for s in suites]
assert got == [("good.test", "3", "0", "0", "2"), ("bad.test", "4", "4", "0", "0")], got
case = suites[1][1]
assert (case.get("file"), case.get("line")) == ("bad.test", "7"), case.attrib
assert "differs  at 2m" in case.find("failure").text
assert suites[0][1].find("skipped").get("message") == "needs native histograms: h"
END

run 9 test -q --junit broken.xml broken.test <<'END'
0 passed, 0 failed, 0 skipped
! ampql: error: broken.test:2:7: unterminated quoted string: "x{a=\"b} 1 2 3"
END
check 'a broken script is an error in JUnit' grep -q 'errors="1"' broken.xml

run 10 test -q --junit no/such/folder.xml good.test <<'END'
! ampql: error: no/such/folder.xml: No such file or directory
END
check 'nothing else is left' test "$(ls | grep -c tmp)" = 0
