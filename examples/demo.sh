#!/bin/sh
# The bundled cluster day, replayed: sh examples/demo.sh [build/ampql]
set -eu
ampql=${1:-build/ampql}
data=examples/data/cluster_day.aqc
rules=examples/rules/kubecost.yml
old_rules=examples/rules/amp-guide.yml
day=2026-03-01T00:00:00Z,2026-03-02T00:00:00Z
end=2026-03-02T00:00:00Z

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') plain=$(printf '\033[0m')
else
    bold='' plain=''
fi

title() {
    printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

# Show a command as it can be typed.
say() {
    printf '\n$ %s' "$ampql"
    for word in "$@"; do
        case $word in
        *[!A-Za-z0-9_./:,=-]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
}

show() {
    say "$@"
    "$ampql" "$@"
}

# Of each record the first three series, value first; the command itself prints all of them.
show_some() {
    say "$@"
    "$ampql" "$@" >"$work/series"
    awk '
    { split($0, half, " => "); split(half[1], name, "{"); split(half[2], value, " @") }
    name[1] != record { if (more) printf "%24s  ... and %d more\n", "", more; record = name[1]; n = more = 0 }
    ++n > 3 { more++; next }
    { printf "%24s  %s\n", value[1], (length(half[1]) > 120) ? substr(half[1], 1, 117) "..." : half[1] }
    END { if (more) printf "%24s  ... and %d more\n", "", more }' "$work/series"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

title '1. The data'
cat <<END
$data is a capture of what a Prometheus 2.42 server answered about a generated
Kubernetes cluster on the UTC day 2026-03-01: $("$ampql" capture ls $data | wc -l) selects. Nothing below asks a server.
END
say capture show $data
"$ampql" capture show $data | sed '/^$/q'
show query --source $data --time $end -o table \
    'count by (namespace) (count by (namespace, pod) (avg_over_time(container_cpu_allocation[1d])))'
show query --source $data --start 2026-03-01T00:00:00Z --end $end --step 6h -o table 'sum(node_total_hourly_cost)'

title "2. Kubecost's recording rules, without a ruler: what they record at $end"
cat <<END
Nine rules, in two spellings: $rules reads cAdvisor's labels as they are now (container, pod),
$old_rules as they were (container_name, pod_name), which one of the two clusters still has too.
Below are three series of each record, value first; the commands print all.
END
show_some rules eval $rules --source $data --time $end
show_some rules eval $old_rules --source $data --time $end

title '3. The bill of the day, by namespace'
show allocate --source $data --window $day --aggregate namespace
printf '\nMore: %s help, and the examples that open %s help allocate.\n' "$ampql" "$ampql"
