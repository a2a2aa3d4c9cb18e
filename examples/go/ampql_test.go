package ampql

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

const day = "../data/cluster_day.aqc"

var midnight = time.Unix(1772409600, 0) // the end of the day in the capture

// command is the one that `make go` has built, whose answers are compared with ours.
func command(t *testing.T) string {
	path := os.Getenv("AMPQL_COMMAND")
	if path == "" {
		t.Skip("AMPQL_COMMAND does not name the command")
	}
	return path
}

func open(t *testing.T, options Options) *DB {
	t.Helper()
	db, err := OpenWith(day, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// told is what `ampql query -o json` says.
func told(t *testing.T, arguments ...string) []Series {
	t.Helper()
	out, err := exec.Command(command(t), append([]string{"query", "-s", day, "-o", "json"}, arguments...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var body struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  []any
				Values [][]any
			}
		}
	}
	if err := json.Unmarshal(out, &body); err != nil {
		t.Fatal(err)
	}
	var series []Series
	for _, one := range body.Data.Result {
		if one.Value != nil {
			one.Values = [][]any{one.Value}
		}
		var s Series
		for name, value := range one.Metric {
			s.Labels = append(s.Labels, Label{name, value})
		}
		for _, pair := range one.Values {
			v, err := strconv.ParseFloat(pair[1].(string), 64)
			if err != nil {
				t.Fatal(err)
			}
			s.T = append(s.T, int64(math.Round(pair[0].(float64)*1000)))
			s.V = append(s.V, v)
		}
		series = append(series, s)
	}
	return series
}

func same(t *testing.T, query string, got, want []Series) {
	t.Helper()
	if len(got) == 0 || len(got) != len(want) {
		t.Fatalf("%s: %d series, expected %d and more than none", query, len(got), len(want))
	}
	for i := range got {
		labels := map[Label]bool{}
		for _, label := range want[i].Labels {
			labels[label] = true
		}
		for _, label := range got[i].Labels {
			if !labels[label] {
				t.Fatalf("%s: series %d has %v, expected %v", query, i, got[i].Labels, want[i].Labels)
			}
		}
		if len(labels) != len(got[i].Labels) || !reflect.DeepEqual(got[i].T, want[i].T) || !reflect.DeepEqual(got[i].V, want[i].V) {
			t.Fatalf("%s: series %d is\n%v, expected\n%v", query, i, got[i], want[i])
		}
	}
}

func TestQueriesAsTheCommand(t *testing.T) {
	db := open(t, Options{})
	for _, query := range []string{
		`sum by (namespace) (avg_over_time(container_memory_allocation_bytes[1d]))`,
		`node_total_hourly_cost`,
		`avg_over_time(node_cpu_hourly_cost[6h])`,
	} {
		result, err := db.Query(context.Background(), query, midnight)
		if err != nil {
			t.Fatal(err)
		}
		if result.Kind != Vector || result.Stats.Samples == 0 {
			t.Fatalf("%s: kind %v, %v", query, result.Kind, result.Stats)
		}
		same(t, query, result.Series, told(t, "--time", "1772409600", query))
	}
	for _, query := range []string{`sum by (node) (node_total_hourly_cost)`, `sum(node_total_hourly_cost) > 0.02`} {
		result, err := db.QueryRange(context.Background(), query, Range{midnight.Add(-24 * time.Hour), midnight, 4 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		same(t, query, result.Series, told(t, "--start", "1772323200", "--end", "1772409600", "--step", "4h", query))
	}
}

func TestScalarsStringsAndMatrices(t *testing.T) {
	db := open(t, Options{})
	scalar, err := db.Query(context.Background(), "1 + 2", midnight)
	if err != nil || scalar.Kind != Scalar || scalar.Scalar != 3 {
		t.Fatal(scalar, err)
	}
	words, err := db.Query(context.Background(), `"a\u00e9"`, midnight)
	if err != nil || words.Kind != String || words.String != "aé" {
		t.Fatal(words, err)
	}
	matrix, err := db.Query(context.Background(), `vector(7)[2m:1m]`, midnight)
	if err != nil || matrix.Kind != Matrix || !reflect.DeepEqual(matrix.Series[0].V, []float64{7, 7, 7}) {
		t.Fatal(matrix, err)
	}
	none, err := db.Query(context.Background(), `vector(1) > 2`, midnight)
	if err != nil || len(none.Series) != 0 {
		t.Fatal(none, err)
	}
}

func TestBatch(t *testing.T) {
	db := open(t, Options{})
	answers, err := db.Batch(context.Background(), []string{
		`count(avg_over_time(node_cpu_hourly_cost[1d]))`,
		`count(`,
		`max(max_over_time(node_cpu_hourly_cost[1d]))`,
		`avg_over_time(never_recorded[1d])`,
	}, Range{Start: midnight})
	if err != nil {
		t.Fatal(err)
	}
	var parse, missing *Error
	if !errors.As(answers[1].Err, &parse) || parse.Code != "bad_data" || parse.Start != 6 || !strings.Contains(parse.Message, "unclosed left parenthesis") {
		t.Errorf("parse error: %+v", answers[1].Err)
	}
	if !errors.As(answers[3].Err, &missing) || missing.Code != "not_found" {
		t.Errorf("what the capture does not hold: %+v", answers[3].Err)
	}
	for _, i := range []int{0, 2} {
		if answers[i].Err != nil || len(answers[i].Result.Series) != 1 {
			t.Errorf("query %d: %+v", i, answers[i])
		}
	}
	if none, err := db.Batch(context.Background(), nil, Range{}); len(none) != 0 || err != nil {
		t.Error("no queries:", none, err)
	}
}

func TestAllocateAsTheCommand(t *testing.T) {
	db := open(t, Options{})
	bill, err := db.Allocate(context.Background(), AllocateOptions{Start: midnight.Add(-24 * time.Hour), End: midnight, Aggregate: "namespace"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(command(t), "allocate", "-s", day, "--window", "2026-03-01T00:00:00Z,2026-03-02T00:00:00Z", "-a", "namespace", "-o", "json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var body struct {
		Data []map[string]struct {
			CPUCost, RAMCost, TotalCost, CPUCoreHours float64
			Properties                                struct{ Cluster, Namespace string }
		}
	}
	if err := json.Unmarshal(out, &body); err != nil {
		t.Fatal(err)
	}
	if len(bill.Lines) == 0 || len(bill.Lines) != len(body.Data[0]) {
		t.Fatalf("%d lines, expected %d", len(bill.Lines), len(body.Data[0]))
	}
	sum := 0.0
	for _, line := range bill.Lines {
		want, found := body.Data[0][line.Name]
		near := func(a, b float64) bool { return math.Abs(a-b) <= 0.00001 } // what JSON rounds to
		if !found || !near(line.TotalCost, want.TotalCost) || !near(line.CPUCost, want.CPUCost) || !near(line.RAMCost, want.RAMCost) ||
			!near(line.CPUCoreHours, want.CPUCoreHours) || line.Namespace != want.Properties.Namespace || line.Cluster != want.Properties.Cluster {
			t.Errorf("%+v, expected %+v", line, want)
		}
		sum += line.TotalCost
	}
	if math.Abs(sum-bill.Total.TotalCost) > 1e-9 || sum <= 0 || !bill.Total.WindowEnd.Equal(midnight) {
		t.Errorf("total %v, lines are %v together", bill.Total, sum)
	}
	_, err = db.Allocate(context.Background(), AllocateOptions{Start: midnight, End: midnight})
	var e *Error
	if !errors.As(err, &e) || e.Code != "bad_data" {
		t.Error("an empty window:", err)
	}
}

func TestOpenAndClose(t *testing.T) {
	var e *Error
	if _, err := Open("nowhere.aqc"); !errors.As(err, &e) || e.Code != "not_found" {
		t.Error(err)
	}
	if _, err := OpenWith("nowhere.aqc", Options{Concurrency: 3}); err == nil {
		t.Error("opened")
	}
	if _, err := Open("amp:ws-1"); !errors.As(err, &e) || e.Code != "bad_data" {
		t.Error(err)
	}
	db, err := Open(day)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 2; i++ {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := db.Query(context.Background(), "1", midnight); err != ErrClosed {
		t.Error(err)
	}
	if Version() == "" || !IsStaleMarker(math.Float64frombits(0x7FF0000000000002)) || IsStaleMarker(math.NaN()) {
		t.Error("version or stale marker")
	}
}
