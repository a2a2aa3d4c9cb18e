/* limit_ratio: a share of the series of each group, the same ones every time: those whose labels
 * hash to below the ratio, or with a negative ratio, the others.
 *
 * The hash is Prometheus's own (XXH64 over its encoding of label sets), so that it is the same
 * series here and there. */
#include "eval/aggregate.h"
#include "eval/note.h"
#include "eval/stage.h"

#include "base/buf.h"

#include <math.h>
#include <xxhash.h>

enum { MAX_ENCODED = 1 << 26, LONG = 255 };

/* size := byte | 255 low middle high */
static void encode(struct buf *out, struct str s)
{
    if (s.n < LONG) {
        buf_byte(out, (char)s.n);
    } else {
        buf_byte(out, (char)LONG);
        for (unsigned shift = 0; shift < 24; shift += 8)
            buf_byte(out, (char)(s.n >> shift & 0xff));
    }
    buf_str(out, s);
}

/* Where in [0, 1] a label set hashes to. */
static enum ampql_code place_of(const struct eval *eval, struct labels labels, double *out,
                                struct ampql_error *err)
{
    struct buf text;
    buf_init(&text, eval->alc, MAX_ENCODED);
    for (size_t i = 0; i < labels.n; i++) {
        encode(&text, symbols_text(eval->symbols, labels.at[i].name));
        encode(&text, symbols_text(eval->symbols, labels.at[i].value));
    }
    enum ampql_code code = text.failed;
    *out = (double)XXH64(text.p, text.n, 0) / 0x1p64; /* which 2^64 - 1 rounds to */
    buf_done(&text);
    return code == AMPQL_OK ? AMPQL_OK : fail_nomem(err, "a label set's hash");
}

static bool is_chosen(double place, double ratio)
{
    ratio = ratio < -1 ? -1 : ratio > 1 ? 1 : ratio;
    return ratio >= 0 ? place < ratio : place >= 1 + ratio;
}

static enum ampql_code check_ratios(const struct gathered *gathered, struct ampql_error *err)
{
    const struct row *param = gathered->param;
    const struct ast *where = gathered->ast->u.aggregate.param;
    double least = param->v[0], most = param->v[0];
    for (size_t i = 0; i < param->n; i++) {
        if (isnan(param->v[i]))
            return fail(err, AMPQL_EXECUTION, "Ratio value is NaN");
        least = fmin(least, param->v[i]);
        most = fmax(most, param->v[i]);
    }
    if (most > 1)
        TRY(note_ratio(gathered->stage, where, most, 1));
    return least < -1 ? note_ratio(gathered->stage, where, least, -1) : AMPQL_OK;
}

static enum ampql_code limit_ratio(struct gathered *gathered, struct ampql_error *err)
{
    TRY(check_ratios(gathered, err));
    for (size_t i = 0; i < gathered->rows->n; i++) {
        struct kept *kept = &gathered->rows->at[i];
        double place = 0;
        TRY(stage_polls(gathered->stage, gathered->grid->n));
        TRY(place_of(gathered->stage->eval, kept->labels, &place, err));
        for (size_t step = 0; step < gathered->grid->n; step++)
            if (row_has(&kept->row, step) && !is_chosen(place, gathered->param->v[step]))
                row_unmark(&kept->row, step);
    }
    return gathered_emit_heaps(gathered);
}

const struct aggregate aggregate_limit_ratio = {.op = AGGREGATION_LIMIT_RATIO,
                                                .whole = limit_ratio};
