# ampql test on promtool's rule unit tests: the cases of tests/data/unit, what a folder gives, JUnit's file, coverage.
. tests/data/cli/lib.sh
${PYTHON:-python3} tests/unit.py "$AMPQL" || failures=$((failures + 1))
cd "$work" || exit 1

mkdir -p rules/deep
cat >rules/rules.yml <<'END_OF'
groups:
- name: g
  rules:
  - {record: 'a', expr: x}
  - {record: 'b', expr: 'a * 2', labels: {kind: double}}
  - {record: 'b', expr: 'a * 3', labels: {kind: triple}}
  - {record: 'c', expr: 'x - 1'}
  - {alert: Big, expr: x > 1}
  - {alert: Huge, expr: x > 10, for: 1m}
  - {alert: Unread, expr: x > 100}
END_OF
cat >rules/rules_test.yml <<'END_OF'
rule_files: [rules.yml]
tests:
- name: doubles
  interval: 1m
  input_series: [{series: x, values: '1 2'}]
  promql_expr_test:
  - {expr: 'b{kind="double"}', eval_time: 1m, exp_samples: [{labels: 'b{kind="double"}', value: 4}]}
  - {expr: 'ALERTS{alertname="Huge",alertstate="firing"}', eval_time: 1m}
  alert_rule_test:
  - {alertname: Big, eval_time: 1m, exp_alerts: [{}]}
END_OF
sed 's/value: 4/value: 5/; s/^- name.*/- name: <wrong>/; s/rules.yml/..\/rules.yml/' rules/rules_test.yml >rules/deep/wrong.test.yml
cat >rules/script.test <<'END_OF'
eval instant at 0 1
  1
END_OF

run 1 test --coverage --junit out.xml rules <<'END_OF'
rules/deep/wrong.test.yml:7: <wrong>: b{kind="double"} at 1m
    expected b{kind="double"} 5
    got      b{kind="double"} 4
ok   rules/rules_test.yml (3)
ok   rules/script.test (1)
tested 1 of 4 recording rules, 2 of 3 alerts
rules/rules.yml:4: record a: read by tested rules only
rules/rules.yml:6: record b: no test reads it
rules/rules.yml:7: record c: no test reads it
rules/rules.yml:10: alert Unread: no test reads it
6 passed, 1 failed, 0 skipped
END_OF
${PYTHON:-python3} - <<'END_OF' || failures=$((failures + 1))
import xml.etree.ElementTree as tree
suites = tree.parse("out.xml").getroot()
got = [(s.get("name"), s.get("tests"), s.get("failures")) for s in suites]
assert got == [("rules/deep/wrong.test.yml", "3", "1"), ("rules/rules_test.yml", "3", "0"), ("rules/script.test", "1", "0")], got
case = [c for c in suites[0] if c.find("failure") is not None][0]
assert case.get("name") == '7: <wrong>: b{kind="double"} at 1m', case.attrib
END_OF

# a rule file alone is no unit test
run 9 test -q rules/rules.yml <<'END_OF'
0 passed, 0 failed, 0 skipped
! ampql: error: rules/rules.yml:1:1: unknown field "groups" in a unit test file, expected one of rule_files, evaluation_interval, group_eval_order, tests, fuzzy_compare
END_OF
