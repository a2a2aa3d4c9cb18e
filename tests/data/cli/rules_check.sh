# ampql rules check: all that does not load, the findings of each check, --fail-on, JSON.
. tests/data/cli/lib.sh
${PYTHON:-python3} tests/rule_files.py "$AMPQL" || failures=$((failures + 1))
day='-s examples/data/cluster_day.aqc --end 2026-03-02T00:00:00Z'

run 0 rules check --list <<'END_OF'
CHECK            SEVERITY  NEEDS   FINDS
syntax           error             what does not load: YAML, fields, durations, names, expressions
duplicate-rule   warning           two rules with one name and the same labels: one of them is lost
reads-later      warning           a rule that reads what another group, or a rule below it, records: it sees the evaluation before
old-label        error             labels that Kubernetes 1.16 renamed: container_name is container, pod_name is pod
missing-metric   error     source  metrics that the source does not have
matches-nothing  error     source  selectors that match no series of a metric that is there
merges-clusters  warning   source  aggregations that lose the cluster label, and so add clusters up
shadows-stored   warning   source  records of a name that the source has series of already
short-window     error     source  windows of rate and its like under two scrape intervals, as measured
END_OF
run 2 rules check <<'END_OF'
! ampql: error: rules check: expected FILE...
!   hint: see `ampql help rules check`
END_OF
run 2 rules check --fail-on warning,eror $day examples/rules/kubecost.yml <<'END_OF'
! ampql: error: rules check: --fail-on: no severity and no check: "eror"
!   hint: ampql rules check --list shows the checks
END_OF

# One of each: the file loads, but for its last rule.
cat >"$work/samples.prom" <<'END_OF'
m{cluster_id="a",pod="x"} 0 0
m{cluster_id="a",pod="x"} 1 15000
m{cluster_id="a",pod="x"} 2 30000
m{cluster_id="b",pod="x"} 0 0
n{pod="x"} 1 0
container_x{container="c",pod="x"} 1 0
container_y{container_name="c",pod="x"} 1 0
container_y{container="c",pod="x"} 1 0
stored 1 0
END_OF
cat >"$work/rules.yml" <<'END_OF'
groups:
- name: one
  rules:
  - {record: 'stored', expr: 'vector(1)'}
  - {record: 'early', expr: 'late + other + early'}
  - {record: 'late', expr: '1', labels: {a: b}}
  - {record: 'late', expr: '2', labels: {a: b}}
  - record: sums
    expr: |
      sum(
        rate(m{pod="x"}[20s])
      ) by (pod)
  - {record: 'joined', expr: 'sum by (pod) (m) * on (pod) group_left count without (cluster_id) (m)'}
  - {record: 'cannot', expr: 'sum(m) / n'}
  - {record: 'kept', expr: 'topk by (pod) (1, sum without (pod) (m)) + scalar(sum(n))'}
- name: two
  rules:
  - {record: 'other', expr: 'mm + m{pood="x"} + m{pod="y"} + m{pod="x",cluster_id=~"a"} + m{pod="x",pod!="x"}'}
  - {record: 'dead', expr: 'sum by (pod_name, pod) (container_x{container_name!=""})'}
  - {record: 'half', expr: 'container_y{container_name!=""}'}
  - {record: 'gone', expr: 'container_z{pod_name="x"}'}
  - {record: 'wrong', expr: 'sum('}
END_OF
# What is proposed for the guide's rules, over the bundled day of two clusters, are the corrected rules of the examples.
"$AMPQL" rules check -o json examples/rules/amp-guide.yml $day >"$work/guide.json"
check 'warnings do not fail' [ $? = 0 ]
${PYTHON:-python3} - "$work/guide.json" examples/rules/kubecost-clusters.yml <<'END_OF' || failures=$((failures + 1))
import collections, json, sys
findings = json.load(open(sys.argv[1]))["findings"]
counts = collections.Counter(f["check"] for f in findings)
assert counts == {"old-label": 5, "merges-clusters": 8}, counts
exprs = [line.split("expr: ", 1)[1].strip() for line in open(sys.argv[2]) if "expr: " in line]
corrected = [f["corrected"] for f in findings if f["corrected"]]
assert corrected == exprs, [pair for pair in zip(corrected, exprs) if pair[0] != pair[1]]
END_OF
cd "$work" || exit 1
run 4 rules check rules.yml -s samples.prom <<'END_OF'
rules.yml:4:5: warning: stored: the source has 1 series of "stored" already [shadows-stored]
    -> a ruler writes them: evaluate the rule here or there, not both; or record another name
rules.yml:5:30: warning: early: line 7 records it, below: this rule sees the evaluation before [reads-later]
      - {record: 'early', expr: 'late + other + early'}
                                 ^^^^
    -> put it below the rule that it reads
rules.yml:5:37: warning: early: line 18 records it, in another group: this rule sees the evaluation before [reads-later]
      - {record: 'early', expr: 'late + other + early'}
                                        ^^^^^
    -> put both into one group, the one that is read first
rules.yml:7:5: warning: late: the rule of line 6 has this name and these labels, too [duplicate-rule]
    -> give them different labels, or drop one: of two samples with one time the first is kept, and the second refused
rules.yml:10:7: warning: sums: sum adds up 2 clusters [merges-clusters]
          sum(
          ^^^
    -> keep "cluster_id": aggregate by it, too
rules.yml:11:14: error: sums: a window of 20s where there is a sample every 15s: rate needs two of them [short-window]
            rate(m{pod="x"}[20s])
                 ^^^^^^^^^^^^^^^
    -> [1m] holds four samples
    corrected: sum by (cluster_id, pod) (rate(m{pod="x"}[1m]))
rules.yml:13:31: warning: joined: sum adds up 2 clusters [merges-clusters]
      - {record: 'joined', expr: 'sum by (pod) (m) * on (pod) group_left count without (cluster_id) (m)'}
                                  ^^^^^^^
    -> keep "cluster_id": aggregate by it, too
    corrected: sum by (cluster_id, pod) (m) * on (cluster_id, pod) group_left () count without () (m)
rules.yml:14:31: warning: cannot: sum adds up 2 clusters [merges-clusters]
      - {record: 'cannot', expr: 'sum(m) / n'}
                                  ^^^
    -> keep "cluster_id": aggregate by it, too
rules.yml:18:30: error: other: the source has no series of "mm" [missing-metric]
      - {record: 'other', expr: 'mm + m{pood="x"} + m{pod="y"} + m{pod="x",cluster_id=~"a"} + m{pod="x",pod!="x"}'}
                                 ^^
rules.yml:18:35: error: other: pood="x" matches none of the 2 series of the metric: they have no such label [matches-nothing]
      - {record: 'other', expr: 'mm + m{pood="x"} + m{pod="y"} + m{pod="x",cluster_id=~"a"} + m{pod="x",pod!="x"}'}
                                      ^^^^^^^^^^^
    -> did you mean pod?
rules.yml:18:49: error: other: pod="y" matches none of the 2 series of the metric [matches-nothing]
      - {record: 'other', expr: 'mm + m{pood="x"} + m{pod="y"} + m{pod="x",cluster_id=~"a"} + m{pod="x",pod!="x"}'}
                                                    ^^^^^^^^^^
rules.yml:18:91: error: other: pod!="x" matches none of the 2 series of the metric [matches-nothing]
      - {record: 'other', expr: 'mm + m{pood="x"} + m{pod="y"} + m{pod="x",cluster_id=~"a"} + m{pod="x",pod!="x"}'}
                                                                                              ^^^^^^^^^^^^^^^^^^^
rules.yml:19:53: error: dead: container_name!="": 1 of 1 series have no such label [old-label]
      - {record: 'dead', expr: 'sum by (pod_name, pod) (container_x{container_name!=""})'}
                                                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    -> the label is container since Kubernetes 1.16
    corrected: sum by (pod) (container_x{container!=""})
rules.yml:20:29: warning: half: container_name!="": 1 of 2 series have no such label [old-label]
      - {record: 'half', expr: 'container_y{container_name!=""}'}
                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    -> the label is container since Kubernetes 1.16
    corrected: container_y{container!=""}
rules.yml:21:29: warning: gone: pod_name="x" matches nothing on clusters of today [old-label]
      - {record: 'gone', expr: 'container_z{pod_name="x"}'}
                                ^^^^^^^^^^^^^^^^^^^^^^^^^
    -> the label is pod since Kubernetes 1.16
rules.yml:21:29: error: gone: the source has no series of "container_z" [missing-metric]
      - {record: 'gone', expr: 'container_z{pod_name="x"}'}
                                ^^^^^^^^^^^^^^^^^^^^^^^^^
    corrected: container_z{pod="x"}
rules.yml: 2 groups, 13 recording rules, 0 alerts; 8 errors, 9 warnings
! ampql: error: rules.yml: line 22, column 34: expr of "wrong": unclosed left parenthesis
!     - {record: 'wrong', expr: 'sum('}
!                                    ^
END_OF

# --fail-on decides about the status; what does not load has its own.
grep -v wrong rules.yml >whole.yml
status_of() {
    "$AMPQL" rules check whole.yml -s samples.prom "$@" >/dev/null 2>&1
    echo $?
}
check 'errors fail' [ "$(status_of)" = 3 ]
check 'nothing fails' [ "$(status_of --fail-on none)" = 0 ]
check 'one check fails' [ "$(status_of --fail-on none,short-window)" = 3 ]
check 'another cluster label' [ "$(status_of --fail-on merges-clusters --cluster-label region)" = 0 ]
check 'warnings alone do not fail' [ "$("$AMPQL" rules check whole.yml >/dev/null && echo $?)" = 0 ]
check 'unless they are to' [ "$("$AMPQL" rules check --fail-on warning whole.yml >/dev/null; echo $?)" = 3 ]
run 7 rules check whole.yml -s nowhere.aqc <<'END_OF'
! ampql: error: nowhere.aqc: No such file or directory
END_OF
printf 'groups:\n- name: g\n  rules:\n  - {record: late, expr: 3, labels: {a: b}}\n' >second.yml
run 0 rules check -o json second.yml second.yml <<'END_OF'
{"files":[{"file":"second.yml","groups":1,"recording_rules":1,"alerts":0},{"file":"second.yml","groups":1,"recording_rules":1,"alerts":0}],"findings":[{"file":"second.yml","line":4,"column":5,"check":"duplicate-rule","severity":"warning","group":"g","rule":"late","message":"the rule of line 4 in second.yml has this name and these labels, too","advice":"give them different labels, or drop one: of two samples with one time the first is kept, and the second refused","corrected":null}]}
END_OF
