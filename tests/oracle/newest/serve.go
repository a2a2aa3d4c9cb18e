// `newest serve PORT_FILE`: the newest engine behind the parts of the HTTP API that a fetcher asks, over what is pushed to it
// by remote write (stale markers included), all in memory. tests/fake_amp stands in front of it as it does before a 2.42.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/common/model"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// ---- what was pushed

type pushed struct {
	lock   sync.RWMutex
	all    []series // in label order once sorted
	byName map[string]int
	sorted bool
}

func (p *pushed) write(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		body, err = snappy.Decode(nil, body)
	}
	var request prompb.WriteRequest
	if err == nil {
		err = request.Unmarshal(body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, ts := range request.Timeseries {
		p.add(ts)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (p *pushed) add(ts prompb.TimeSeries) {
	b := labels.NewScratchBuilder(len(ts.Labels))
	for _, l := range ts.Labels {
		b.Add(l.Name, l.Value)
	}
	b.Sort()
	ls := b.Labels()
	key := ls.String()
	i, known := p.byName[key]
	if !known {
		i = len(p.all)
		p.all = append(p.all, series{labels: ls})
		p.byName[key], p.sorted = i, false
	}
	for _, s := range ts.Samples {
		p.all[i].samples = append(p.all[i].samples, sample{s.Timestamp, s.Value})
	}
}

func (p *pushed) memory() memory {
	p.lock.Lock()
	defer p.lock.Unlock()
	if !p.sorted {
		slices.SortFunc(p.all, func(a, b series) int { return labels.Compare(a.labels, b.labels) })
		for i, s := range p.all {
			p.byName[s.labels.String()] = i
		}
		p.sorted = true
	}
	return memory{p.all}
}

// ---- the API's JSON

type text struct{ strings.Builder }

func (t *text) time(ms int64) {
	if ms%1000 == 0 {
		fmt.Fprintf(t, "%d", ms/1000)
	} else {
		fmt.Fprintf(t, "%s", strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64))
	}
}

// value spells a number as Prometheus does: exponents only for what is very small or very large.
func (t *text) value(v float64) {
	format, size := byte('f'), math.Abs(v)
	if size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	fmt.Fprintf(t, "%q", strconv.FormatFloat(v, format, -1, 64))
}

func (t *text) point(ms int64, v float64) {
	t.WriteByte('[')
	t.time(ms)
	t.WriteByte(',')
	t.value(v)
	t.WriteByte(']')
}

func (t *text) json(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	t.Write(b)
}

func comma(t *text, i int) {
	if i > 0 {
		t.WriteByte(',')
	}
}

func (t *text) result(v parser.Value) {
	fmt.Fprintf(t, `"resultType":"%s","result":`, v.Type())
	switch v := v.(type) {
	case promql.Scalar:
		t.point(v.T, v.V)
	case promql.String:
		t.WriteByte('[')
		t.time(v.T)
		t.WriteByte(',')
		t.json(v.V)
		t.WriteByte(']')
	case promql.Vector:
		t.WriteByte('[')
		for i, s := range v {
			comma(t, i)
			t.WriteString(`{"metric":`)
			t.json(s.Metric.Map())
			t.WriteString(`,"value":`)
			t.point(s.T, s.F)
			t.WriteByte('}')
		}
		t.WriteByte(']')
	case promql.Matrix:
		t.WriteByte('[')
		for i, s := range v {
			comma(t, i)
			t.WriteString(`{"metric":`)
			t.json(s.Metric.Map())
			t.WriteString(`,"values":[`)
			for k, p := range s.Floats {
				comma(t, k)
				t.point(p.T, p.F)
			}
			t.WriteString("]}")
		}
		t.WriteByte(']')
	}
}

func refuse(w http.ResponseWriter, status int, kind string, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	t := &text{}
	t.json(map[string]string{"status": "error", "errorType": kind, "error": err.Error()})
	io.WriteString(w, t.String())
}

// ---- requests

func parseTime(s string) (time.Time, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return time.UnixMilli(int64(math.Round(f * 1000))), nil
	}
	return time.Parse(time.RFC3339Nano, s)
}

func parseStep(s string) (time.Duration, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return time.Duration(math.Round(f*1000)) * time.Millisecond, nil
	}
	d, err := model.ParseDuration(s)
	return time.Duration(d), err
}

func (p *pushed) query(r *http.Request) (promql.Query, error) {
	ctx, opts, q := context.Background(), promql.NewPrometheusQueryOpts(false, 0, nil), r.FormValue("query")
	if strings.HasSuffix(r.URL.Path, "/query") {
		at, err := parseTime(r.FormValue("time"))
		if err != nil {
			return nil, err
		}
		return engines[0].NewInstantQuery(ctx, p.memory(), opts, q, at)
	}
	start, err1 := parseTime(r.FormValue("start"))
	end, err2 := parseTime(r.FormValue("end"))
	step, err3 := parseStep(r.FormValue("step"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	if step <= 0 || end.Before(start) || end.Sub(start)/step > 11000 {
		return nil, errors.New("start, end and step are no grid of at most 11,000 points")
	}
	return engines[0].NewRangeQuery(ctx, p.memory(), opts, q, start, end, step)
}

func (p *pushed) answer(w http.ResponseWriter, r *http.Request) {
	query, err := p.query(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "bad_data", err)
		return
	}
	defer query.Close()
	result := query.Exec(context.Background())
	if result.Err != nil {
		refuse(w, http.StatusUnprocessableEntity, "execution", result.Err)
		return
	}
	t := &text{}
	t.WriteString(`{"status":"success","data":{`)
	t.result(result.Value)
	if r.FormValue("stats") != "" {
		samples := query.Stats().Samples
		fmt.Fprintf(t, `,"stats":{"samples":{"totalQueryableSamples":%d,"peakSamples":%d}}`, samples.TotalSamples, samples.PeakSamples)
	}
	t.WriteByte('}')
	warnings, infos := result.Warnings.AsStrings(r.FormValue("query"), 0, 0)
	if len(warnings) > 0 {
		t.WriteString(`,"warnings":`)
		t.json(warnings)
	}
	if len(infos) > 0 {
		t.WriteString(`,"infos":`)
		t.json(infos)
	}
	t.WriteByte('}')
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, t.String())
}

// names answers labels, label values and series, over all times.
func (p *pushed) names(w http.ResponseWriter, r *http.Request) {
	var sets [][]*labels.Matcher
	r.ParseForm()
	for _, m := range r.Form["match[]"] {
		set, err := stable.ParseMetricSelector(m)
		if err != nil {
			refuse(w, http.StatusBadRequest, "bad_data", err)
			return
		}
		sets = append(sets, set)
	}
	found, all := map[string]bool{}, []any{}
	for _, s := range p.memory().all {
		fits := func(set []*labels.Matcher) bool {
			return !slices.ContainsFunc(set, func(m *labels.Matcher) bool { return !m.Matches(s.labels.Get(m.Name)) })
		}
		if len(sets) > 0 && !slices.ContainsFunc(sets, fits) {
			continue
		}
		switch parts := strings.Split(r.URL.Path, "/"); {
		case strings.HasSuffix(r.URL.Path, "/series"):
			all = append(all, s.labels.Map())
		case strings.HasSuffix(r.URL.Path, "/labels"):
			s.labels.Range(func(l labels.Label) { found[l.Name] = true })
		case s.labels.Has(parts[len(parts)-2]):
			found[s.labels.Get(parts[len(parts)-2])] = true
		}
	}
	names := []string{}
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		all = append(all, name)
	}
	t := &text{}
	t.json(map[string]any{"status": "success", "data": all})
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, t.String())
}

func serve(portFile string) error {
	p := &pushed{byName: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/write", p.write)
	mux.HandleFunc("/api/v1/query", p.answer)
	mux.HandleFunc("/api/v1/query_range", p.answer)
	mux.HandleFunc("/api/v1/series", p.names)
	mux.HandleFunc("/api/v1/labels", p.names)
	mux.HandleFunc("/api/v1/label/{name}/values", p.names)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := os.WriteFile(portFile+".new", []byte("http://"+listener.Addr().String()+"\n"), 0o644); err != nil {
		return err
	}
	if err := os.Rename(portFile+".new", portFile); err != nil {
		return err
	}
	return http.Serve(listener, mux)
}
