/* The words of annotations, and keeping each once. */
#include "eval/note.h"

#include "base/hash.h"
#include "base/number.h"
#include "base/quote.h"
#include "base/time.h"

#include <math.h>

enum { NOTE_MAX = 1 << 20 };

/* The note of that text, or NULL. */
static struct note *find(const struct notes *notes, struct str text, uint64_t hash)
{
    size_t at = 0;
    for (size_t i = index_first(&notes->index, hash, &at); i != INDEX_NONE;
         i = index_next(&notes->index, hash, &at))
        if (str_equal(notes->at[i].text, text))
            return &notes->at[i];
    return NULL;
}

/* The note of that text, new or known. */
static enum ampql_code find_or_add(struct eval_query *query, struct str text, size_t start,
                                   unsigned node, struct note **out, struct ampql_error *err)
{
    struct notes *notes = &query->notes;
    uint64_t hash = hash_bytes(text.p, text.n);
    *out = find(notes, text, hash);
    if (*out)
        return AMPQL_OK;
    struct note note = {.text = arena_copy(&query->eval->work, text), .start = start, .node = node};
    if (!note.text.p || !array_push(notes, &query->eval->work, note) ||
        !index_add(&notes->index, hash, notes->n - 1))
        return fail_nomem(err, "an annotation");
    *out = &notes->at[notes->n - 1];
    return AMPQL_OK;
}

/* Each text is kept once: at the place that comes last in the order of evaluation. */
static enum ampql_code add(struct eval_query *query, struct str text, size_t start, unsigned node,
                           struct ampql_error *err)
{
    struct note *note;
    TRY(find_or_add(query, text, start, node, &note, err));
    if (node >= note->node) {
        note->start = start;
        note->node = node;
    }
    return AMPQL_OK;
}

/* Prometheus has put something else in the place of a subquery by then, and says 1:1. */
static size_t place_of(const struct ast *where)
{
    where = ast_unwrap(where);
    return where->kind == AST_SUBQUERY ? 0 : where->span.start;
}

static enum ampql_code add_written(struct stage *stage, const struct ast *where, struct buf *text)
{
    enum ampql_code code = text->failed;
    if (code == AMPQL_OK)
        code =
            add(stage->query, buf_view(text), place_of(where), stage->node->left, stage_err(stage));
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
    return add_written(stage, where, &text);
}

enum ampql_code note_strategy(struct stage *stage, const struct ast *where, double strategy)
{
    char number[NUMBER_MAX];
    struct buf text;
    buf_init(&text, stage->eval->alc, NOTE_MAX);
    buf_text(&text, "PromQL warning: strategy should be 0, 1, or 2 (default), using 2, got ");
    buf_bytes(&text, number, number_format_general(strategy, number));
    return add_written(stage, where, &text);
}

enum ampql_code note_ratio(struct stage *stage, const struct ast *where, double ratio, double cap)
{
    char number[NUMBER_MAX];
    struct buf text;
    buf_init(&text, stage->eval->alc, NOTE_MAX);
    buf_text(&text, "PromQL warning: ratio value should be between -1 and 1, got ");
    buf_bytes(&text, number, number_format_general(ratio, number));
    buf_format(&text, ", capping to %d", (int)cap);
    return add_written(stage, where, &text);
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
    return add_written(stage, where, &text);
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
    return add_written(stage, where, &text);
}

/* ---- bucket counts that fell */

/* What several of them say in one: at the place that comes first in the order of evaluation. */
static void merge(struct note *note, const struct stage *stage, const struct ast *where,
                  const struct falling *from)
{
    struct falling *into = &note->falling;
    if (!note->is_falling) {
        *into = *from;
        into->n = 0; /* note_falls_end counts */
        note->is_falling = true;
        return;
    }
    if (stage->node->left < note->node) {
        note->start = place_of(where);
        note->node = stage->node->left;
    }
    into->from = fmin(into->from, from->from);
    into->to = fmax(into->to, from->to);
    into->difference = fmax(into->difference, from->difference);
    into->first_ms = from->first_ms < into->first_ms ? from->first_ms : into->first_ms;
    into->last_ms = from->last_ms > into->last_ms ? from->last_ms : into->last_ms;
}

enum ampql_code note_falling(struct stage *stage, const struct ast *where, struct labels labels,
                             const struct falling *falling, size_t step)
{
    struct buf text;
    struct note *note = NULL;
    if (is_silent(stage))
        return AMPQL_OK;
    buf_init(&text, stage->eval->alc, NOTE_MAX);
    buf_text(&text,
             "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
             "https://prometheus.io/docs/prometheus/latest/querying/functions/"
             "#histogram_quantile)");
    write_metric(&text, stage, labels);
    enum ampql_code code = text.failed == AMPQL_OK
                               ? find_or_add(stage->query, buf_view(&text), place_of(where),
                                             stage->node->left, &note, stage_err(stage))
                               : fail_nomem(stage_err(stage), "an annotation");
    buf_done(&text);
    if (code != AMPQL_OK)
        return code;
    merge(note, stage, where, falling);
    if (!note->falls)
        note->falls = arena_zeroed(&stage->eval->work, stage->node->grid->n, sizeof *note->falls);
    if (!note->falls)
        return fail_nomem(stage_err(stage), "an annotation");
    note->falls[step] += falling->n;
    return AMPQL_OK;
}

/* Has a node below said the same? */
static bool was_told_below(const struct note *note, const struct node *node)
{
    for (size_t i = 0; i < note->told.n; i++)
        if (note->told.at[i] > node->entered && note->told.at[i] < node->left)
            return true;
    return false;
}

/* How often, as Prometheus 3.16 counts: at each step after the first it adds to the sum what it has
 * added already. */
static uint64_t count_falls(const struct note *note, const struct node *node)
{
    bool is_told = was_told_below(note, node), has_begun = false;
    uint64_t sum = 0, n = 0;
    for (size_t i = 0; i < node->grid->n; i++) {
        uint64_t here = note->falls[i];
        if (!has_begun && here == 0)
            continue;
        sum += here;
        if (is_told)
            n += sum;
        else
            n = has_begun ? 2 * (n + here) : here;
        has_begun = true;
    }
    return n;
}

enum ampql_code note_falls_end(struct stage *stage)
{
    struct notes *notes = &stage->query->notes;
    for (size_t i = 0; i < notes->n; i++) {
        struct note *note = &notes->at[i];
        if (!note->falls)
            continue;
        note->falling.n += count_falls(note, stage->node);
        note->falls = NULL;
        if (!array_push(&note->told, &stage->eval->work, stage->node->left))
            return fail_nomem(stage_err(stage), "an annotation");
    }
    return AMPQL_OK;
}

/* ---- */

enum ampql_code note_sort(struct stage *stage)
{
    /* of one step, too, when its end lies behind */
    if (is_silent(stage) || stage->node->end_ms == stage->node->grid->start_ms)
        return AMPQL_OK;
    return add(stage->query,
               STR("PromQL warning: sort is ineffective for range queries since results are always "
                   "ordered by labels"),
               stage->node->ast->span.start, stage->node->left, stage_err(stage));
}

enum ampql_code note_plain(struct eval_query *query, struct str text, struct ampql_error *err)
{
    return add(query, text, SIZE_MAX, 0, err);
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
    buf_format(out, ", over %lld samples from ", (long long)(int64_t)f->n);
    buf_bytes(out, text, time_format(f->first_ms / 1000 * 1000, text));
    buf_text(out, " to ");
    buf_bytes(out, text, time_format(f->last_ms / 1000 * 1000, text));
}

void note_write(const struct eval_query *query, size_t i, struct buf *out)
{
    const struct note *note = &query->notes.at[i];
    size_t line = 1, column = 1;
    buf_str(out, note->text);
    if (note->is_falling)
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
