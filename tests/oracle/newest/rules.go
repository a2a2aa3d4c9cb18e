package main

// The rule manager, driven from tick to tick as its groups' clocks would: each group evaluates at its own times, writes to a storage on
// disk, and what was written is read back, stale markers included.

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// ruleText is a rule file that is not one.
type ruleText string

func (t ruleText) Load(string, bool, model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	return rulefmt.Parse([]byte(t), false, model.UTF8Validation, experimental, promslog.NewNopLogger())
}

func (ruleText) Parse(query string) (parser.Expr, error) { return experimental.ParseExpr(query) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// openStorage is empty, takes samples of any time in order, and keeps no log.
func openStorage(dir string) *tsdb.DB {
	options := tsdb.DefaultOptions()
	options.MinBlockDuration = int64(10 * 365 * 24 * time.Hour / time.Millisecond)
	options.MaxBlockDuration = options.MinBlockDuration
	options.RetentionDuration = 0
	options.WALSegmentSize = -1
	options.StripeSize = 64
	db := must(tsdb.Open(dir, nil, nil, options, nil))
	db.DisableCompactions()
	return db
}

func write(db *tsdb.DB, all []series) {
	app := db.Appender(context.Background())
	for _, s := range all {
		for _, p := range s.samples {
			must(app.Append(0, s.labels, p.T(), p.F()))
		}
	}
	must(0, app.Commit())
}

// ticks lists the times of a group from `from` to `to`.
func ticks(g *rules.Group, from, to time.Time) (all []time.Time) {
	t := g.EvalTimestamp(to.Add(1e6 * time.Hour).UnixNano()).Truncate(time.Millisecond) // the engine rounds times before 1970 up
	t = t.Add(-t.Sub(from) / g.Interval() * g.Interval())
	for ; !t.After(to); t = t.Add(g.Interval()) {
		if !t.Before(from) {
			all = append(all, t)
		}
	}
	return all
}

// drive evaluates all groups in the order of their times.
func drive(groups map[string]*rules.Group, from, to time.Time) {
	type tick struct {
		group *rules.Group
		at    time.Time
	}
	var all []tick
	for _, g := range groups {
		for _, t := range ticks(g, from, to) {
			all = append(all, tick{g, t})
		}
	}
	slices.SortFunc(all, func(a, b tick) int { return a.at.Compare(b.at) })
	for _, t := range all {
		t.group.Eval(context.Background(), t.at)
	}
}

func recorded(groups map[string]*rules.Group) (names []string) {
	for _, g := range groups {
		for _, r := range g.Rules() {
			names = append(names, r.Name())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// inOrder reads a storage in label order. Engine and rule manager ask for any order, and the head's is that of the series' creation,
// which a restart or a block changes: sums over it have other last digits, and limitk and topk take others of equal series.
type inOrder struct{ storage.Queryable }

func (q inOrder) Querier(mint, maxt int64) (storage.Querier, error) {
	querier, err := q.Queryable.Querier(mint, maxt)
	return inOrderQuerier{querier}, err
}

type inOrderQuerier struct{ storage.Querier }

func (q inOrderQuerier) Select(ctx context.Context, _ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	return q.Querier.Select(ctx, true, hints, matchers...)
}

func (a *answer) stored(set storage.SeriesSet) (n int) {
	for set.Next() {
		var points []promql.FPoint
		for it := set.At().Iterator(nil); it.Next() == chunkenc.ValFloat; {
			t, v := it.At()
			points = append(points, promql.FPoint{T: t, F: v})
		}
		if len(points) == 0 { // its samples lie outside
			continue
		}
		a.series(set.At().Labels(), points)
		n++
	}
	must(0, set.Err())
	return n
}

//	rules FILE LOOKBACK DELAYED START FROM TO END TEXT NSERIES { series as in eval }
//
// runs the groups of TEXT, a rule file of that name, from START to END, and answers with all that they wrote for FROM to TO.
func ruler(r *request) string {
	file, lookback, engine := r.text(), r.number(), engines[r.number()]
	start, from, to, end := r.number(), r.number(), r.number(), r.number()
	text := r.text()
	var data []series
	for n := r.number(); n > 0; n-- {
		data = append(data, r.series())
	}
	dir := must(os.MkdirTemp("", "rules"))
	defer os.RemoveAll(dir)
	db := openStorage(dir)
	defer db.Close()
	write(db, data)
	source := inOrder{db}

	options := promql.NewPrometheusQueryOpts(false, time.Duration(lookback)*time.Millisecond, nil)
	manager := rules.NewManager(&rules.ManagerOptions{
		GroupLoader: ruleText(text), Parser: experimental, AppendableV2: db, Queryable: source, Context: context.Background(),
		QueryFunc: func(ctx context.Context, query string, at time.Time) (promql.Vector, error) {
			return evaluate(ctx, engine, source, options, query, at)
		},
	})
	groups, errs := manager.LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, file)
	if errs != nil {
		return failed("parse", errs[0])
	}
	drive(groups, time.UnixMilli(start), time.UnixMilli(end))

	querier := must(db.Querier(from, to))
	defer querier.Close()
	body, n := &answer{}, 0
	for _, name := range recorded(groups) {
		n += body.stored(querier.Select(context.Background(), true, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", name)))
	}
	a := &answer{}
	a.word("ok matrix %d", n)
	if n > 0 {
		a.word("%s", body.String())
	}
	a.word("0")
	return a.String()
}

// evaluate is rules.EngineQueryFunc, with a lookback.
func evaluate(ctx context.Context, engine *promql.Engine, source storage.Queryable, options promql.QueryOpts, text string, at time.Time) (promql.Vector, error) {
	query, err := engine.NewInstantQuery(ctx, source, options, text, at)
	if err != nil {
		return nil, err
	}
	result := query.Exec(ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	switch v := result.Value.(type) {
	case promql.Vector:
		return v, nil
	case promql.Scalar:
		return promql.Vector{{T: v.T, F: v.V, Metric: labels.EmptyLabels()}}, nil
	default:
		return nil, os.ErrInvalid
	}
}
