// The newest Prometheus as an oracle: its PromQL engine over series in memory. It reads requests, one a line, and answers
// each with one line, so that the driver (../newest.c) can be simple. Words are separated by one space; texts are hex
// ("-" when empty); values are the hex of their IEEE bits, so that stale markers and every last digit survive.
//
//	eval START END STEP LOOKBACK DELAYED TEXT NSERIES { NLABELS { NAME VALUE } NSAMPLES { T BITS } }
//	                                                         ms; STEP 0: instant; DELAYED 1: names go at the end
//	json ...                                                                  the same, answered as the HTTP API does
//	rules ...                                                                  the rule manager: see rules.go
//	parse EXPERIMENTAL TEXT                                                                      1: experimental too
//
// Answers:
//
//	error parse|execution MESSAGE
//	ok scalar BITS NNOTES { TEXT }
//	ok string TEXT NNOTES { TEXT }
//	ok vector|matrix NSERIES { NLABELS { NAME VALUE } NSAMPLES { T BITS } } NNOTES { TEXT }
//	ok parsed TEXT PRETTY
//	ok json BODY
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// ---- series in memory

type sample struct {
	t int64
	v float64
}

func (s sample) T() int64                      { return s.t }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.v }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

type series struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// memory answers as the TSDB does: in label order, cut to the time asked for, series without samples there left out.
type memory struct{ all []series }

func (m memory) Querier(mint, maxt int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		from, to := mint, maxt
		if hints != nil {
			from, to = hints.Start, hints.End
		}
		return m.choose(from, to, matchers)
	}}, nil
}

func (m memory) choose(from, to int64, matchers []*labels.Matcher) storage.SeriesSet {
	var chosen []storage.Series
	for _, s := range m.all {
		if slices.ContainsFunc(matchers, func(w *labels.Matcher) bool { return !w.Matches(s.labels.Get(w.Name)) }) {
			continue
		}
		first := sort.Search(len(s.samples), func(i int) bool { return s.samples[i].T() >= from })
		past := sort.Search(len(s.samples), func(i int) bool { return s.samples[i].T() > to })
		if first < past {
			chosen = append(chosen, storage.NewListSeries(s.labels, s.samples[first:past]))
		}
	}
	return &set{chosen, -1}
}

type set struct {
	all []storage.Series
	at  int
}

func (s *set) Next() bool                        { s.at++; return s.at < len(s.all) }
func (s *set) At() storage.Series                { return s.all[s.at] }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }

// ---- requests

type request struct{ words []string }

func (r *request) word() string {
	if len(r.words) == 0 {
		panic("the request ends early")
	}
	w := r.words[0]
	r.words = r.words[1:]
	return w
}

func (r *request) number() int64 {
	n, err := strconv.ParseInt(r.word(), 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func (r *request) text() string {
	w := r.word()
	if w == "-" {
		return ""
	}
	b, err := hex.DecodeString(w)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (r *request) value() float64 {
	bits, err := strconv.ParseUint(r.word(), 16, 64)
	if err != nil {
		panic(err)
	}
	return math.Float64frombits(bits)
}

func (r *request) series() series {
	b := labels.NewScratchBuilder(8)
	for n := r.number(); n > 0; n-- {
		name := r.text()
		b.Add(name, r.text())
	}
	b.Sort()
	s := series{labels: b.Labels()}
	for n := r.number(); n > 0; n-- {
		t := r.number()
		s.samples = append(s.samples, sample{t, r.value()})
	}
	return s
}

// ---- answers

type answer struct{ strings.Builder }

func (a *answer) word(format string, args ...any) {
	if a.Len() > 0 {
		a.WriteByte(' ')
	}
	fmt.Fprintf(a, format, args...)
}

func (a *answer) text(s string) {
	if s == "" {
		a.word("-")
	} else {
		a.word("%x", s)
	}
}

func (a *answer) series(ls labels.Labels, points []promql.FPoint) {
	a.word("%d", ls.Len())
	ls.Range(func(l labels.Label) { a.text(l.Name); a.text(l.Value) })
	a.word("%d", len(points))
	for _, p := range points {
		a.word("%d %016x", p.T, math.Float64bits(p.F))
	}
}

func (a *answer) value(v parser.Value) {
	switch v := v.(type) {
	case promql.Scalar:
		a.word("ok scalar %016x", math.Float64bits(v.V))
	case promql.String:
		a.word("ok string")
		a.text(v.V)
	case promql.Vector:
		a.word("ok vector %d", len(v))
		for _, s := range v {
			a.series(s.Metric, []promql.FPoint{{T: s.T, F: s.F}})
		}
	case promql.Matrix:
		a.word("ok matrix %d", len(v))
		for _, s := range v {
			a.series(s.Metric, s.Floats)
		}
	default:
		panic(fmt.Sprintf("a result of type %T", v))
	}
}

func failed(class string, err error) string {
	a := &answer{}
	a.word("error %s", class)
	a.text(err.Error())
	return a.String()
}

// ---- the requests

var experimental = parser.NewParser(parser.Options{
	EnableExperimentalFunctions: true,
	EnableBinopFillModifiers:    true,
	EnableUnquotedUTF8Names:     true,
})
var stable = parser.NewParser(parser.Options{})

func newEngine(delayedNames bool) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		MaxSamples:               50_000_000,
		Timeout:                  time.Minute,
		NoStepSubqueryIntervalFn: func(int64) int64 { return 60_000 },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		EnableDelayedNameRemoval: delayedNames,
		Parser:                   experimental,
	})
}

var engines = []*promql.Engine{newEngine(false), newEngine(true)}

// run evaluates; class says how it failed. The query is to be closed when the result has been read.
func run(r *request) (query promql.Query, result *promql.Result, class string, err error) {
	start, end, step, lookback := r.number(), r.number(), r.number(), r.number()
	engine := engines[r.number()]
	text := r.text()
	var data memory
	for n := r.number(); n > 0; n-- {
		data.all = append(data.all, r.series())
	}
	slices.SortFunc(data.all, func(a, b series) int { return labels.Compare(a.labels, b.labels) })

	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	ctx, opts := context.Background(), promql.NewPrometheusQueryOpts(false, ms(lookback), nil)
	if step == 0 {
		query, err = engine.NewInstantQuery(ctx, data, opts, text, time.UnixMilli(start))
	} else {
		query, err = engine.NewRangeQuery(ctx, data, opts, text, time.UnixMilli(start), time.UnixMilli(end), ms(step))
	}
	if err != nil {
		return nil, nil, "parse", err
	}
	result = query.Exec(ctx)
	return query, result, "execution", result.Err
}

func eval(r *request) string {
	query, result, class, err := run(r)
	if query != nil {
		defer query.Close()
	}
	if err != nil {
		return failed(class, err)
	}
	a := &answer{}
	a.value(result.Value)
	warnings, infos := result.Warnings.AsStrings(query.String(), 0, 0)
	notes := append(warnings, infos...)
	slices.Sort(notes)
	a.word("%d", len(notes))
	for _, n := range notes {
		a.text(n)
	}
	return a.String()
}

// encode writes a result as the HTTP API does; json.go has it.
var encode func(text string, result *promql.Result) ([]byte, error)

func body(r *request) string {
	if encode == nil {
		panic("built without -tags json")
	}
	query, result, class, err := run(r)
	if query != nil {
		defer query.Close()
	}
	if err != nil {
		return failed(class, err)
	}
	text, err := encode(query.String(), result)
	if err != nil {
		return failed("execution", err)
	}
	a := &answer{}
	a.word("ok json")
	a.text(string(text))
	return a.String()
}

func parse(r *request) string {
	p := stable
	if r.number() != 0 {
		p = experimental
	}
	expr, err := p.ParseExpr(r.text())
	if err != nil {
		return failed("parse", err)
	}
	a := &answer{}
	a.word("ok parsed")
	a.text(expr.String())
	a.text(parser.Prettify(expr))
	return a.String()
}

func respond(line string) string {
	r := &request{strings.Split(line, " ")}
	switch what := r.word(); what {
	case "eval":
		return eval(r)
	case "json":
		return body(r)
	case "parse":
		return parse(r)
	case "rules":
		return ruler(r)
	default:
		panic("unknown request " + what)
	}
}

func main() {
	for _, m := range modules() {
		fmt.Fprintln(os.Stderr, m)
	}
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		fmt.Fprintln(os.Stderr, "newest: error:", serve(os.Args[2]))
		os.Exit(1)
	}
	if len(os.Args) == 3 && os.Args[1] == "scan" {
		if err := scan(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "newest: error:", err)
			os.Exit(1)
		}
		return
	}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF && line == "" {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "newest: error:", err)
			os.Exit(1)
		}
		fmt.Fprintln(out, respond(strings.TrimSuffix(line, "\n")))
		if in.Buffered() == 0 {
			out.Flush()
		}
	}
}

// modules says which Prometheus this is.
func modules() (lines []string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/prometheus/prometheus" {
			lines = append(lines, m.Path+" "+m.Version+", "+info.GoVersion)
		}
	}
	return lines
}
