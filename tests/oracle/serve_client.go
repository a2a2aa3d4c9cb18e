// What client_golang's API client makes of a server's answers, as JSON, a line a call:
//
//	client URL END
//
// END is the time of the newest sample, Unix seconds. Warnings and errors are part of a line. tests/oracle/serve_go.sh runs it
// against `ampql serve` and against the Prometheus that it reads.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

var queries = []string{
	"sum by (namespace) (container_memory_allocation_bytes)",
	"avg_over_time(node_total_hourly_cost[1h])",
	"rate(container_cpu_usage_seconds_total[10m])",
	"kube_node_status_capacity_cpu_cores * on (node) group_left () node_total_hourly_cost",
	"container_cpu_allocation[3m]", "vector(1)", "1", `"text"`, "absent(nothing)", "rate(up", "",
	"kube_pod_labels * on () group_left () kube_pod_labels",
}

var selectors = [][]string{
	{"node_total_hourly_cost"}, {`{__name__=~"kube_node.*"}`}, {`kube_pod_labels{namespace!=""}`, "kube_node_info"},
	{"nothing"}, {"up{"}, {},
}

// say prints one call's outcome. An error of the client has type, message and detail.
func say(what string, value interface{}, warnings v1.Warnings, err error) {
	line := map[string]interface{}{"call": what, "value": value, "warnings": warnings}
	if err != nil {
		line = map[string]interface{}{"call": what, "error": err.Error()}
		if e, ok := err.(*v1.Error); ok {
			line["type"], line["detail"] = e.Type, e.Detail
		}
	}
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

func typed(value model.Value, err error) interface{} {
	if err != nil || value == nil {
		return nil
	}
	return map[string]interface{}{"type": value.Type().String(), "value": value}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: client URL END")
		os.Exit(2)
	}
	seconds, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		panic(err)
	}
	client, err := api.NewClient(api.Config{Address: os.Args[1]})
	if err != nil {
		panic(err)
	}
	prometheus := v1.NewAPI(client)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	end := time.Unix(seconds, 0)
	start := end.Add(-time.Hour)
	for _, query := range queries {
		value, warnings, err := prometheus.Query(ctx, query, end, v1.WithTimeout(time.Minute))
		say("query "+query, typed(value, err), warnings, err)
		value, warnings, err = prometheus.QueryRange(ctx, query, v1.Range{Start: start, End: end, Step: 5 * time.Minute})
		say("query_range "+query, typed(value, err), warnings, err)
	}
	value, warnings, err := prometheus.QueryRange(ctx, "1", v1.Range{Start: start, End: end, Step: time.Millisecond})
	say("query_range of too many points", typed(value, err), warnings, err)
	for _, match := range selectors {
		name := strings.Join(match, " ")
		series, warnings, err := prometheus.Series(ctx, match, start, end)
		say("series "+name, series, warnings, err)
		names, warnings, err := prometheus.LabelNames(ctx, match, start, end)
		say("labels "+name, names, warnings, err)
		values, warnings, err := prometheus.LabelValues(ctx, "namespace", match, start, end)
		say("values "+name, values, warnings, err)
	}
	metadata, err := prometheus.Metadata(ctx, "", "")
	say("metadata", metadata, nil, err)
	build, err := prometheus.Buildinfo(ctx)
	say("buildinfo", strings.Split(build.Version, "+")[0], nil, err) // Debian's is 2.42.0+ds
	config, err := prometheus.Config(ctx)
	say("config", strings.Contains(config.YAML, "scrape_interval: 1m\n"), nil, err)
	flags, err := prometheus.Flags(ctx)
	say("flags", flags["query.lookback-delta"], nil, err)
}
