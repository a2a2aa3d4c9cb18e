//go:build cgo

// Package ampql evaluates PromQL and Kubernetes costs in process, through the C library libampql.
//
//	db, err := ampql.Open("day.aqc")
//	result, err := db.Query(ctx, `sum by (namespace) (rate(cpu[5m]))`, time.Now())
//	bill, err := db.Allocate(ctx, ampql.AllocateOptions{Start: from, End: to, Aggregate: "namespace"})
//	client, err := api.NewClient(api.Config{Address: "http://ampql", RoundTripper: db.RoundTripper()})
//
// A context that ends stops its own query, and no other one. Results are Go's own memory; they cross from C in flat arrays,
// with two calls a result, however many samples it has.
package ampql

/*
#cgo pkg-config: ampql
#cgo CFLAGS: -std=c11 -Wall -Wextra
#include <stdlib.h>
#include "flat.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// ErrClosed is what a DB says that was closed.
var ErrClosed = errors.New("ampql: closed")

// Error is a failure of the library: see enum ampql_code and struct ampql_error in <ampql/base.h>.
type Error struct {
	Code    string // "bad_data", "execution", "timeout", ... as the HTTP API's errorType
	Message string
	// Bytes [Start, End) of the query's text that are at fault; both 0 when no place is known.
	Start, End int
}

func (e *Error) Error() string { return "ampql: " + e.Code + ": " + e.Message }

// Options say how a source is read. The zero value is all defaults.
type Options struct {
	// Sources that are open, so that as many queries can run at once; more wait. Files are read once for each. 0: 1.
	Concurrency int
	// 2 or 3: which Prometheus to equal; 0: what the source says, else 3.
	Dialect int
	// Samples and values that a query may hold at once; 0: 50 million.
	MaxSamples uint64
	// Until a query is given up, besides what its context says; 0: none.
	Timeout time.Duration
	// How far instant selectors look back; 0: 5 minutes.
	Lookback time.Duration
	// Of amp:WORKSPACE@REGION, a base URL instead of the region's.
	Endpoint string
}

// DB is an open source. It may be used from any number of goroutines.
type DB struct {
	engine  *C.struct_ampql_engine
	options Options
	sources chan *C.struct_ampql_source // that no query uses
	closed  chan struct{}
	once    sync.Once
}

// Open opens a capture (.aqc), another file or folder of series, "http(s)://HOST[/PREFIX]", or "amp:WORKSPACE@REGION".
func Open(source string) (*DB, error) { return OpenWith(source, Options{}) }

// OpenWith is Open with options.
func OpenWith(source string, options Options) (*DB, error) {
	var e C.struct_ampql_error
	n := options.Concurrency
	if n < 1 {
		n = 1
	}
	db := &DB{options: options, sources: make(chan *C.struct_ampql_source, n), closed: make(chan struct{})}
	if C.ampql_engine_new(nil, &db.engine, &e) != C.AMPQL_OK {
		return nil, failure(&e)
	}
	for i := 0; i < n; i++ {
		opened, err := db.openSource(source)
		if err != nil {
			db.release(i)
			return nil, err
		}
		if db.options.Dialect == 0 {
			db.options.Dialect = int(C.ampql_source_dialect(opened))
		}
		db.sources <- opened
	}
	return db, nil
}

func (db *DB) openSource(source string) (*C.struct_ampql_source, error) {
	var e C.struct_ampql_error
	var opened *C.struct_ampql_source
	var http C.struct_ampql_http_options
	http.size = C.sizeof_struct_ampql_http_options
	text := C.CString(source)
	defer C.free(unsafe.Pointer(text))
	var code C.enum_ampql_code
	switch {
	case strings.HasPrefix(source, "amp:"):
		workspace, region, _ := strings.Cut(strings.TrimPrefix(source, "amp:"), "@")
		w, r, endpoint := C.CString(workspace), C.CString(region), C.CString(db.options.Endpoint)
		defer C.free(unsafe.Pointer(w))
		defer C.free(unsafe.Pointer(r))
		defer C.free(unsafe.Pointer(endpoint))
		if db.options.Endpoint != "" {
			http.endpoint = endpoint
		}
		code = C.ampql_source_amp(db.engine, w, r, &http, &opened, &e)
	case strings.HasPrefix(source, "http://"), strings.HasPrefix(source, "https://"):
		code = C.ampql_source_http(db.engine, text, &http, &opened, &e)
	default:
		code = C.ampql_source_file(db.engine, text, nil, &opened, &e)
	}
	if code != C.AMPQL_OK {
		return nil, failure(&e)
	}
	return opened, nil
}

// Close waits for the queries that run, and frees all that is open. Queries that wait, and all that come, fail.
func (db *DB) Close() error {
	db.once.Do(func() {
		close(db.closed)
		db.release(cap(db.sources))
	})
	return nil
}

func (db *DB) release(nsources int) {
	for ; nsources > 0; nsources-- {
		C.ampql_source_free(<-db.sources)
	}
	C.ampql_engine_free(db.engine)
}

// Kind is what a result is.
type Kind int

// As the HTTP API's resultType.
const (
	Scalar Kind = iota
	Vector
	Matrix
	String
)

// Label is one label of a series.
type Label struct{ Name, Value string }

// Series has n samples: T in Unix milliseconds, ascending, and V.
type Series struct {
	Labels []Label // sorted by name
	T      []int64
	V      []float64
}

// Stats is what a run has cost.
type Stats struct {
	Selects, Series, Samples uint64
	Requests, BilledSamples  uint64 // of servers
}

// Result of one query.
type Result struct {
	Kind     Kind
	Series   []Series // of a vector or matrix
	Scalar   float64
	String   string
	Warnings []string
	Infos    []string
	Stats    Stats
}

// Range is the grid of a range query: from Start to End, both included. With Step 0 it is one time, Start.
type Range struct {
	Start, End time.Time
	Step       time.Duration
}

// Query evaluates at one time.
func (db *DB) Query(ctx context.Context, query string, at time.Time) (*Result, error) {
	return db.QueryRange(ctx, query, Range{Start: at})
}

// QueryRange evaluates at the times of a grid.
func (db *DB) QueryRange(ctx context.Context, query string, r Range) (*Result, error) {
	answers, err := db.Batch(ctx, []string{query}, r)
	if err != nil {
		return nil, err
	}
	return answers[0].Result, answers[0].Err
}

// Answer to one query of a batch: a result, or why there is none.
type Answer struct {
	Result *Result
	Err    error
}

// Batch evaluates queries together: what several of them read is read once. The error is that of the whole: the context, or a
// DB that is closed.
func (db *DB) Batch(ctx context.Context, queries []string, r Range) ([]Answer, error) {
	answers := make([]Answer, len(queries))
	if len(queries) == 0 {
		return answers, nil
	}
	err := db.run(ctx, func(source *C.struct_ampql_source, options *C.struct_ampql_run_options) {
		options.start_ms = C.int64_t(r.Start.UnixMilli())
		options.end_ms = options.start_ms
		if r.Step > 0 {
			options.end_ms = C.int64_t(r.End.UnixMilli())
			options.step_ms = C.int64_t(r.Step.Milliseconds())
		}
		db.batch(queries, source, options, answers)
	})
	if err != nil {
		return nil, err
	}
	return answers, nil
}

// batch compiles what compiles and runs that.
func (db *DB) batch(queries []string, source *C.struct_ampql_source, options *C.struct_ampql_run_options, answers []Answer) {
	var compiled []*C.struct_ampql_query
	var places []int
	defer func() {
		for _, query := range compiled {
			C.ampql_query_free(query)
		}
	}()
	for i, text := range queries {
		query, err := db.compile(text)
		if err != nil {
			answers[i].Err = err
			continue
		}
		compiled = append(compiled, query)
		places = append(places, i)
	}
	n := len(compiled)
	if n == 0 {
		return
	}
	results := make([]*C.struct_ampql_result, n)
	errs := make([]C.struct_ampql_error, n)
	C.ampql_batch_run(db.engine, &compiled[0], C.size_t(n), source, options, &results[0], &errs[0])
	for k, i := range places {
		if results[k] == nil {
			answers[i].Err = failure(&errs[k])
			continue
		}
		answers[i].Result = take(results[k])
		C.ampql_result_free(results[k])
	}
}

func (db *DB) compile(text string) (*C.struct_ampql_query, error) {
	var e C.struct_ampql_error
	var query *C.struct_ampql_query
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	if C.ampql_query_compile(db.engine, c, C.size_t(len(text)), &query, &e) != C.AMPQL_OK {
		return nil, failure(&e)
	}
	return query, nil
}

// run waits for a source, and calls work with it and with a cancel flag that is set when the context ends. The error is the
// context's, whatever the work has come to.
func (db *DB) run(ctx context.Context, work func(*C.struct_ampql_source, *C.struct_ampql_run_options)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select { // a DB that is closed may have sources yet
	case <-db.closed:
		return ErrClosed
	default:
	}
	var source *C.struct_ampql_source
	select {
	case source = <-db.sources:
	case <-db.closed:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { db.sources <- source }()

	var e C.struct_ampql_error
	var cancel *C.struct_ampql_cancel
	if C.ampql_cancel_new(db.engine, &cancel, &e) != C.AMPQL_OK {
		return failure(&e)
	}
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-ctx.Done():
			C.ampql_cancel_set(cancel)
		case <-done:
		}
	}()
	options := db.runOptions()
	options.cancel = cancel
	work(source, &options)
	close(done)
	<-gone // before the flag that it would set is freed
	C.ampql_cancel_free(cancel)
	return ctx.Err()
}

func (db *DB) runOptions() C.struct_ampql_run_options {
	var o C.struct_ampql_run_options
	o.size = C.sizeof_struct_ampql_run_options
	o.dialect = C.enum_ampql_dialect(db.options.Dialect)
	o.max_samples = C.uint64_t(db.options.MaxSamples)
	o.timeout_ms = C.int64_t(db.options.Timeout.Milliseconds())
	o.lookback_ms = C.int64_t(db.options.Lookback.Milliseconds())
	return o
}

func failure(e *C.struct_ampql_error) error {
	return &Error{
		Code:    C.GoString(C.ampql_code_name(e.code)),
		Message: C.GoString(&e.message[0]),
		Start:   int(e.start),
		End:     int(e.end),
	}
}

func text(s C.struct_ampql_string) string { return C.GoStringN(s.data, C.int(s.size)) }

func stats(s C.struct_ampql_stats) Stats {
	return Stats{uint64(s.selects), uint64(s.series), uint64(s.samples), uint64(s.requests), uint64(s.billed_samples)}
}

// first is the place of an array for C; nil of an empty one.
func first[T any](s []T) *T {
	if len(s) == 0 {
		return nil
	}
	return &s[0]
}

// take copies a result.
func take(result *C.struct_ampql_result) *Result {
	out := &Result{Kind: Kind(C.ampql_result_kind(result)), Stats: stats(C.ampql_result_stats(result))}
	for i := C.size_t(0); i < C.ampql_result_annotation_count(result); i++ {
		var isInfo C.bool
		words := text(C.ampql_result_annotation(result, i, &isInfo))
		if isInfo {
			out.Infos = append(out.Infos, words)
		} else {
			out.Warnings = append(out.Warnings, words)
		}
	}
	switch out.Kind {
	case Scalar:
		out.Scalar = float64(C.ampql_result_scalar(result))
	case String:
		out.String = text(C.ampql_result_string(result))
	default:
		out.Series = takeSeries(result)
	}
	return out
}

func takeSeries(result *C.struct_ampql_result) []Series {
	size := C.flat_measure(result)
	series, labels := make([]Series, size.nseries), make([]Label, size.nlabels)
	counts, ends := make([]uint64, 2*size.nseries), make([]uint64, 2*size.nlabels)
	bytes, t, v := make([]byte, size.ntext), make([]int64, size.nsamples), make([]float64, size.nsamples)
	C.flat_fill(result, (*C.uint64_t)(first(counts)), (*C.uint64_t)(first(ends)), (*C.char)(unsafe.Pointer(first(bytes))),
		(*C.int64_t)(first(t)), (*C.double)(first(v)))
	words, at := string(bytes), uint64(0)
	for i := range labels {
		name, value := ends[2*i], ends[2*i+1]
		labels[i] = Label{words[at:name], words[name:value]}
		at = value
	}
	for i := range series {
		nlabels, n := counts[2*i], counts[2*i+1]
		series[i] = Series{labels[:nlabels:nlabels], t[:n:n], v[:n:n]}
		labels, t, v = labels[nlabels:], t[n:], v[n:]
	}
	return series
}

// IsStaleMarker tells the NaN that ends a series from others.
func IsStaleMarker(v float64) bool { return math.Float64bits(v) == 0x7FF0000000000002 }

// Version of the library that is linked.
func Version() string { return fmt.Sprint(C.GoString(C.ampql_version())) }
