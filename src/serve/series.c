/* Bodies of /api/v1/series, labels and label values. */
#include "base/json.h"
#include "series/label_set.h"
#include "serve/parts.h"

#include <stdlib.h>

struct sets {
    ARRAY(struct ampql_series);
};

static int compare_sets(const void *a, const void *b)
{
    const struct ampql_series *x = a, *y = b;
    return label_sets_compare(x->labels, x->nlabels, y->labels, y->nlabels);
}

static int compare_words(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    return str_compare(*x, *y);
}

static bool gather_sets(struct arena *arena, struct ampql_result *const *results, size_t n,
                        struct sets *out)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < ampql_result_count(results[r]); i++)
            if (!array_push(out, arena, ampql_result_series(results[r], i)))
                return false;
    if (out->n)
        qsort(out->at, out->n, sizeof *out->at, compare_sets);
    return true;
}

/* Warnings of the source come after the data. */
static void put_end(struct buf *body, struct ampql_result *const *results, size_t n)
{
    size_t nwarnings = 0;
    buf_byte(body, ']');
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < ampql_result_annotation_count(results[r]); i++) {
            bool is_info;
            struct ampql_string text = ampql_result_annotation(results[r], i, &is_info);
            if (is_info)
                continue;
            buf_text(body, nwarnings++ ? "," : ",\"warnings\":[");
            json_quote(body, str_view(text));
        }
    }
    buf_text(body, nwarnings ? "]}" : "}");
}

bool serve_put_series(struct buf *body, struct arena *arena, struct ampql_result *const *results,
                      size_t n)
{
    struct sets sets = {0};
    if (!gather_sets(arena, results, n, &sets))
        return false;
    buf_text(body, "{\"status\":\"success\",\"data\":[");
    for (size_t i = 0; i < sets.n; i++) {
        if (i && compare_sets(&sets.at[i - 1], &sets.at[i]) == 0)
            continue;
        buf_text(body, i ? "," : "");
        json_quote_labels(body, sets.at[i].labels, sets.at[i].nlabels, true);
    }
    put_end(body, results, n);
    return true;
}

static bool add_word(struct arena *arena, struct serve_words *words, struct str word)
{
    bool is_last = words->n && str_equal(words->at[words->n - 1], word);
    return is_last || array_push(words, arena, word);
}

static bool gather_words(struct arena *arena, struct ampql_result *const *results, size_t n,
                         struct str name, struct serve_words *out)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < ampql_result_count(results[r]); i++) {
            struct ampql_series series = ampql_result_series(results[r], i);
            for (size_t k = 0; k < series.nlabels; k++) {
                struct str label = str_view(series.labels[k].name);
                if (name.n && !str_equal(label, name))
                    continue;
                if (!add_word(arena, out, name.n ? str_view(series.labels[k].value) : label))
                    return false;
            }
        }
    if (out->n)
        qsort(out->at, out->n, sizeof *out->at, compare_words);
    return true;
}

bool serve_put_words(struct buf *body, struct arena *arena, struct ampql_result *const *results,
                     size_t n, struct str name)
{
    struct serve_words words = {0};
    if (!gather_words(arena, results, n, name, &words))
        return false;
    buf_text(body, "{\"status\":\"success\",\"data\":[");
    for (size_t i = 0; i < words.n; i++) {
        if (i && str_equal(words.at[i - 1], words.at[i]))
            continue;
        buf_text(body, i ? "," : "");
        json_quote(body, words.at[i]);
    }
    put_end(body, results, n);
    return true;
}
