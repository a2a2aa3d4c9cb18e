// Package client shows that client_golang's API client works through ampql's RoundTripper unchanged: what it gets is what it
// gets from `ampql serve` over HTTP, errors too.
package client

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/ampql"
	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

const day = "../../data/cluster_day.aqc"

var midnight = time.Unix(1772409600, 0)

// served starts `ampql serve` over the same capture; its URL.
func served(t *testing.T) string {
	t.Helper()
	command := os.Getenv("AMPQL_COMMAND")
	if command == "" {
		t.Skip("AMPQL_COMMAND does not name the command")
	}
	server := exec.Command(command, "serve", "-s", day, "--listen", "127.0.0.1:0")
	says, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(os.Interrupt)
		server.Wait()
	})
	lines := bufio.NewScanner(says)
	for lines.Scan() {
		if _, where, found := strings.Cut(lines.Text(), "serving at "); found {
			go io.Copy(io.Discard, says)
			return strings.TrimSpace(where)
		}
	}
	t.Fatal("ampql serve did not say where it is")
	return ""
}

func opened(t *testing.T, concurrency int) *ampql.DB {
	t.Helper()
	db, err := ampql.OpenWith(day, ampql.Options{Concurrency: concurrency})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func client(t *testing.T, address string, through http.RoundTripper) v1.API {
	t.Helper()
	c, err := api.NewClient(api.Config{Address: address, RoundTripper: through})
	if err != nil {
		t.Fatal(err)
	}
	return v1.NewAPI(c)
}

func TestTheAPIClientAsOverHTTP(t *testing.T) {
	here := client(t, "http://ampql/workspaces/ws-1", opened(t, 1).RoundTripper())
	there := client(t, served(t), api.DefaultRoundTripper)
	ctx := context.Background()
	begin := midnight.Add(-24 * time.Hour)
	grid := v1.Range{Start: begin, End: midnight, Step: 4 * time.Hour}
	wantsError := map[string]bool{"a parse error": true, "a bad range": true, "what there is none of": true, "a bad selector": true}
	for name, ask := range map[string]func(v1.API) (any, v1.Warnings, error){
		"a vector": func(a v1.API) (any, v1.Warnings, error) {
			return a.Query(ctx, `avg_over_time(node_cpu_hourly_cost[6h])`, midnight)
		},
		"a scalar": func(a v1.API) (any, v1.Warnings, error) { return a.Query(ctx, `1 + 2`, midnight) },
		"a matrix": func(a v1.API) (any, v1.Warnings, error) {
			return a.QueryRange(ctx, `sum by (node) (node_total_hourly_cost)`, grid)
		},
		"a parse error": func(a v1.API) (any, v1.Warnings, error) { return a.Query(ctx, `sum(`, midnight) },
		"a bad range": func(a v1.API) (any, v1.Warnings, error) {
			return a.QueryRange(ctx, `1`, v1.Range{Start: midnight, End: begin, Step: time.Hour})
		},
		"what there is none of": func(a v1.API) (any, v1.Warnings, error) {
			return a.Query(ctx, `sum_over_time(never_recorded[5m])`, midnight)
		},
		"series": func(a v1.API) (any, v1.Warnings, error) {
			return a.Series(ctx, []string{`node_cpu_hourly_cost`}, begin, midnight)
		},
		"a bad selector": func(a v1.API) (any, v1.Warnings, error) {
			return a.Series(ctx, []string{`node_cpu_hourly_cost{`}, begin, midnight)
		},
		"label names": func(a v1.API) (any, v1.Warnings, error) {
			return a.LabelNames(ctx, []string{`node_cpu_hourly_cost`}, begin, midnight)
		},
		"label values": func(a v1.API) (any, v1.Warnings, error) {
			return a.LabelValues(ctx, "node", []string{`node_cpu_hourly_cost`}, begin, midnight)
		},
		"metadata": func(a v1.API) (any, v1.Warnings, error) { m, err := a.Metadata(ctx, "", ""); return m, nil, err },
		"build":    func(a v1.API) (any, v1.Warnings, error) { b, err := a.Buildinfo(ctx); return b, nil, err },
		"config":   func(a v1.API) (any, v1.Warnings, error) { c, err := a.Config(ctx); return c, nil, err },
	} {
		got, gotWarnings, gotErr := ask(here)
		want, wantWarnings, wantErr := ask(there)
		if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(gotWarnings, wantWarnings) || !reflect.DeepEqual(gotErr, wantErr) {
			t.Errorf("%s:\n%v %v %v, over HTTP\n%v %v %v", name, got, gotWarnings, gotErr, want, wantWarnings, wantErr)
		}
		if (wantErr != nil) != wantsError[name] {
			t.Errorf("%s: %v", name, wantErr)
		}
	}
	// What flags say of the server itself, its workers and timeout, is not the same.
	flags, err := here.Flags(ctx)
	if err != nil || flags["query.lookback-delta"] != "5m" {
		t.Error(flags, err)
	}
}

// ask posts a query as OpenCost's client does: the parameters in the URL, no body.
func ask(t *testing.T, through *http.Client, address, query string) (int, string) {
	parameters := url.Values{"query": {query}, "time": {"1772409600"}}
	request, err := http.NewRequest("POST", address+"/api/v1/query?"+parameters.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := through.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Content-Type") + "\n" + string(body)
}

// The queries that make a bill, five at a time as OpenCost asks them, through the RoundTripper and over HTTP: the same bytes.
func TestOpenCostsQueriesAsOverHTTP(t *testing.T) {
	address := served(t)
	here := &http.Client{Transport: opened(t, 5).RoundTripper()}
	out, err := exec.Command(os.Getenv("AMPQL_COMMAND"), "allocate", "-s", day, "--print-queries", "--window",
		"2026-03-01T00:00:00Z,2026-03-02T00:00:00Z").Output()
	if err != nil {
		t.Fatal(err)
	}
	queries := strings.Split(strings.TrimSpace(string(out)), "\n")
	var group sync.WaitGroup
	var mutex sync.Mutex
	answered := 0
	turns := make(chan struct{}, 5)
	for _, query := range queries {
		group.Add(1)
		turns <- struct{}{}
		go func(query string) {
			defer group.Done()
			gotStatus, got := ask(t, here, "http://ampql", query)
			wantStatus, want := ask(t, http.DefaultClient, address, query)
			if gotStatus != wantStatus || got != want {
				t.Errorf("%s\n%d %.300s, over HTTP\n%d %.300s", query, gotStatus, got, wantStatus, want)
			}
			mutex.Lock()
			if gotStatus == 200 {
				answered++
			}
			mutex.Unlock()
			<-turns
		}(query)
	}
	group.Wait()
	if answered < 30 {
		t.Errorf("%d of %d queries were answered", answered, len(queries))
	}
	t.Logf("%d queries, %d answered, all as over HTTP", len(queries), answered)
}
