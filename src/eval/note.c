/* The words of annotations, and keeping each once. */
#include "eval/note.h"

#include "base/hash.h"
#include "base/number.h"
#include "base/quote.h"
#include "base/time.h"

#include <math.h>

enum { NOTE_MAX = 1 << 20 };

/* The note of that text and place, or NULL. */
static struct note *find(const struct notes *notes, struct str text, size_t start, uint64_t hash)
{
    size_t at = 0;
    for (size_t i = index_first(&notes->index, hash, &at); i != INDEX_NONE;
         i = index_next(&notes->index, hash, &at))
        if (notes->at[i].start == start && str_equal(notes->at[i].text, text))
            return &notes->at[i];
    return NULL;
}

static void merge(struct falling *into, const struct falling *from)
{
    into->n += from->n;
    into->from = fmin(into->from, from->from);
    into->to = fmax(into->to, from->to);
    into->difference = fmax(into->difference, from->difference);
    into->first_ms = from->first_ms < into->first_ms ? from->first_ms : into->first_ms;
    into->last_ms = from->last_ms > into->last_ms ? from->last_ms : into->last_ms;
}

static enum ampql_code add(struct eval_query *query, struct str text, size_t start,
                           const struct falling *falling, struct ampql_error *err)
{
    struct notes *notes = &query->notes;
    uint64_t hash = hash_bytes(text.p, text.n) + start;
    struct note *known = find(notes, text, start, hash);
    if (known) {
        if (falling)
            merge(&known->falling, falling);
        return AMPQL_OK;
    }
    struct note note = {.text = arena_copy(&query->eval->work, text), .start = start};
    if (falling)
        note.falling = *falling;
    if (!note.text.p || !array_push(notes, &query->eval->work, note) ||
        !index_add(&notes->index, hash, notes->n - 1))
        return fail_nomem(err, "an annotation");
    return AMPQL_OK;
}

/* Prometheus has put something else in the place of a subquery by then, and says 1:1. */
static size_t place_of(const struct ast *where)
{
    where = ast_unwrap(where);
    return where->kind == AST_SUBQUERY ? 0 : where->span.start;
}

static enum ampql_code add_written(struct stage *stage, const struct ast *where, struct buf *text,
                                   const struct falling *falling)
{
    enum ampql_code code = text->failed;
    if (code == AMPQL_OK)
        code = add(stage->query, buf_view(text), place_of(where), falling, stage_err(stage));
    else
        code = fail_nomem(stage_err(stage), "an annotation");
    buf_done(text);
    return code;
}

static bool is_silent(const struct stage *stage)
{
    return stage->eval->dialect == AMPQL_PROM2;
}

static struct str name_of(const struct stage *stage, struct labels labels)
{
    return symbols_text(stage->eval->symbols, labels_get(labels, SYMBOL_NAME));
}

/* Only where names go at the end they are sure to be there still. */
static void write_metric(struct buf *out, const struct stage *stage, struct labels labels)
{
    struct str name = name_of(stage, labels);
    if (!stage->eval->delays_names || name.n == 0)
        return;
    buf_text(out, " for metric name ");
    print_quoted(out, name);
}

enum ampql_code note_quantile(struct stage *stage, const struct ast *where, double q)
{
    char number[NUMBER_MAX];
    struct buf text;
    if (is_silent(stage) || (q >= 0 && q <= 1))
        return AMPQL_OK;
    buf_init(&text, stage->eval->alc, NOTE_MAX);
    buf_text(&text, "PromQL warning: quantile value should be between 0 and 1, got ");
    buf_bytes(&text, number, number_format_general(q, number));
    return add_written(stage, where, &text, NULL);
}

enum ampql_code note_strategy(struct stage *stage, const struct ast *where, double strategy)
{
    char number[NUMBER_MAX];
    struct buf text;
    buf_init(&text, stage->eval->alc, NOTE_MAX);
    buf_text(&text, "PromQL warning: strategy should be 0, 1, or 2 (default), using 2, got ");
    buf_bytes(&text, number, number_format_general(strategy, number));
    return add_written(stage, where, &text, NULL);
}

enum ampql_code note_ratio(struct stage *stage, const struct ast *where, double ratio, double cap)
{
    char number[NUMBER_MAX];
    struct buf text;
    buf_init(&text, stage->eval->alc, NOTE_MAX);
    buf_text(&text, "PromQL warning: ratio value should be between -1 and 1, got ");
    buf_bytes(&text, number, number_format_general(ratio, number));
    buf_format(&text, ", capping to %d", (int)cap);
    return add_written(stage, where, &text, NULL);
}

enum ampql_code note_not_counter(struct stage *stage, const struct ast *where, struct labels labels)
{
    static const char *const endings[] = {"_total", "_sum", "_count", "_bucket"};
    struct notes *notes = &stage->query->notes;
    struct str name = name_of(stage, labels);
    struct buf text;
    if (is_silent(stage) || name.n == 0)
        return AMPQL_OK;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (str_has_suffix(name, str_of(endings[i])))
            return AMPQL_OK;
    symbol id = labels_get(labels, SYMBOL_NAME);
    if (notes->last_stage == stage && notes->last_name == id)
        return AMPQL_OK; /* most often the series before has said so */
    notes->last_stage = stage;
    notes->last_name = id;
    buf_init(&text, stage->eval->alc, NOTE_MAX);
    buf_text(&text, "PromQL info: metric might not be a counter, name does not end in "
                    "_total/_sum/_count/_bucket: ");
    print_quoted(&text, name);
    return add_written(stage, where, &text, NULL);
}

enum ampql_code note_bad_bucket(struct stage *stage, const struct ast *where, struct labels labels)
{
    struct buf text;
    if (is_silent(stage))
        return AMPQL_OK;
    buf_init(&text, stage->eval->alc, NOTE_MAX);
    buf_text(&text, "PromQL warning: bucket label \"le\" is missing or has a malformed value of ");
    print_quoted(&text, symbols_text(stage->eval->symbols, labels_get(labels, SYMBOL_LE)));
    write_metric(&text, stage, labels);
    return add_written(stage, where, &text, NULL);
}

enum ampql_code note_falling(struct stage *stage, const struct ast *where, struct labels labels,
                             const struct falling *falling)
{
    struct buf text;
    if (is_silent(stage))
        return AMPQL_OK;
    buf_init(&text, stage->eval->alc, NOTE_MAX);
    buf_text(&text,
             "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
             "https://prometheus.io/docs/prometheus/latest/querying/functions/"
             "#histogram_quantile)");
    write_metric(&text, stage, labels);
    return add_written(stage, where, &text, falling);
}

/* A range query of one step is one where its end lies behind its start. */
enum ampql_code note_sort(struct stage *stage)
{
    const struct plan_options *options = &stage->eval->plan->options;
    const struct grid *grid = stage->node->grid;
    bool is_range = grid->n > 1 || (grid == &options->grid && options->end_ms != grid->start_ms);
    if (is_silent(stage) || !is_range)
        return AMPQL_OK;
    return add(stage->query,
               STR("PromQL warning: sort is ineffective for range queries since results are always "
                   "ordered by labels"),
               stage->node->ast->span.start, NULL, stage_err(stage));
}

enum ampql_code note_plain(struct eval_query *query, struct str text, struct ampql_error *err)
{
    return add(query, text, SIZE_MAX, NULL, err);
}

static void write_falling(struct buf *out, const struct falling *f)
{
    char text[NUMBER_MAX];
    buf_text(out, ", from buckets ");
    buf_bytes(out, text, number_format_general(f->from, text));
    buf_text(out, " to ");
    buf_bytes(out, text, number_format_general(f->to, text));
    buf_text(out, ", with a max diff of ");
    buf_bytes(out, text, number_format_two(f->difference, text));
    buf_format(out, ", over %llu samples from ", (unsigned long long)f->n);
    buf_bytes(out, text, time_format(f->first_ms / 1000 * 1000, text));
    buf_text(out, " to ");
    buf_bytes(out, text, time_format(f->last_ms / 1000 * 1000, text));
}

void note_write(const struct eval_query *query, size_t i, struct buf *out)
{
    const struct note *note = &query->notes.at[i];
    size_t line = 1, column = 1;
    buf_str(out, note->text);
    if (note->falling.n)
        write_falling(out, &note->falling);
    if (note->start == SIZE_MAX || note->start > query->text.n)
        return;
    for (size_t k = 0; k < note->start; k++) {
        bool ends = query->text.p[k] == '\n';
        line += ends;
        column = ends ? 1 : column + 1;
    }
    buf_format(out, " (%zu:%zu)", line, column);
}
