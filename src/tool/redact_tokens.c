/* Tokens for values. */
#include "tool/redact_tokens.h"

#include "base/array.h"
#include "base/csv.h"
#include "base/digest.h"
#include "base/symbols.h"
#include "base/writer.h"
#include "tool/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_MIN = 16, KEY_MAX = 1 << 16, TOKEN_BYTES = 8 };

/* Labels whose values are words of Kubernetes, of Prometheus and its exporters, not of whoever runs
 * them. */
static const char *const kept_labels[] = {
    "__name__", "__type__",  "__unit__",    "le",         "quantile",        "resource",
    "unit",     "mode",      "device",      "phase",      "condition",       "status",
    "internet", "same_zone", "same_region", "owner_kind", "created_by_kind", "owner_is_controller",
};

/* Values that OpenCost's queries name, in whatever label. */
static const char *const kept_values[] = {"/", "<none>", "POD", "false", "true"};

struct tokens {
    struct ampql_allocator alc;
    struct arena arena;
    struct redaction redaction;
    char *key; /* [KEY_MAX + 2] */
    size_t key_size;
    struct symbols values; /* that were seen or have tokens */
    struct symbols made;   /* the tokens */
    struct {
        ARRAY(struct str);
    } token; /* by symbol of values; p NULL: none yet */
    size_t ntokens;
    uint32_t *rank; /* [nranks] by symbol of values; NULL: order does not count */
    size_t nranks;
};

/* ---- the key */

static enum ampql_code read_key(struct tokens *t, const char *path, struct ampql_error *err)
{
    t->key = alloc_get(&t->alc, KEY_MAX + 2, 1);
    if (!t->key)
        return fail_nomem(err, "a key");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, AMPQL_NOT_FOUND, "%.160s: %s", path, strerror(errno));
    ssize_t n = 1;
    while (n != 0 && t->key_size < KEY_MAX + 2) {
        n = read(fd, t->key + t->key_size, KEY_MAX + 2 - t->key_size);
        if (n < 0 && errno != EINTR)
            break;
        t->key_size += n > 0 ? (size_t)n : 0;
    }
    int failure = n < 0 ? errno : 0;
    close(fd);
    if (failure)
        return fail(err, AMPQL_NOT_FOUND, "%.160s: %s", path, strerror(failure));
    if (t->key_size && t->key[t->key_size - 1] == '\n')
        t->key_size--;
    if (t->key_size < KEY_MIN || t->key_size > KEY_MAX)
        return fail(err, AMPQL_BAD_DATA, "%.160s: a key of %s%zu bytes, expected %d to %d", path,
                    t->key_size > KEY_MAX ? "at least " : "", t->key_size, KEY_MIN, KEY_MAX);
    return AMPQL_OK;
}

/* ---- what stays */

static int compare_texts(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* Ours and the user's, sorted, each once. */
static const struct str *join_lists(struct tokens *t, const char *const *a, size_t na,
                                    const char *const *b, size_t nb, size_t *n)
{
    struct str *all = arena_alloc(&t->arena, na + nb, sizeof *all);
    if (!all)
        return NULL;
    for (size_t i = 0; i < na + nb; i++)
        all[i] = str_of(i < na ? a[i] : b[i - na]);
    qsort(all, na + nb, sizeof *all, compare_texts);
    *n = 0;
    for (size_t i = 0; i < na + nb; i++)
        if (*n == 0 || !str_equal(all[*n - 1], all[i]))
            all[(*n)++] = all[i];
    return all;
}

static enum ampql_code begin(struct tokens *t, const struct redact_options *o,
                             struct ampql_error *err)
{
    struct redaction *r = &t->redaction;
    r->is_redacted = true;
    r->keeps_order = o->keeps_order;
    r->labels = join_lists(t, kept_labels, sizeof kept_labels / sizeof *kept_labels, o->keep_labels,
                           o->nkeep_labels, &r->nlabels);
    r->values = join_lists(t, kept_values, sizeof kept_values / sizeof *kept_values, o->keep_values,
                           o->nkeep_values, &r->nvalues);
    if (!r->labels || !r->values)
        return fail_nomem(err, "the labels that stay");
    return read_key(t, o->key_file, err);
}

enum ampql_code tokens_new(const struct ampql_allocator *alc, const struct redact_options *options,
                           struct tokens **out, struct ampql_error *err)
{
    struct tokens *t = alloc_get(alc, 1, sizeof *t);
    if (!t)
        return fail_nomem(err, "tokens");
    *t = (struct tokens){.alc = *alc};
    arena_init(&t->arena, &t->alc);
    enum ampql_code code = AMPQL_OK;
    bool has_values = symbols_init(&t->values, &t->alc);
    bool has_made = has_values && symbols_init(&t->made, &t->alc);
    if (has_values && !has_made)
        symbols_done(&t->values);
    if (!has_made) {
        alloc_put(alc, t, 1, sizeof *t);
        return fail_nomem(err, "tokens");
    }
    code = begin(t, options, err);
    if (code == AMPQL_OK)
        *out = t;
    else
        tokens_free(t);
    return code;
}

void tokens_free(struct tokens *t)
{
    struct ampql_allocator alc = t->alc;
    if (t->key)
        explicit_bzero(t->key, KEY_MAX + 2);
    alloc_put(&alc, t->key, KEY_MAX + 2, 1);
    alloc_put(&alc, t->rank, t->nranks, sizeof *t->rank);
    array_done(&t->token, &alc);
    symbols_done(&t->values);
    symbols_done(&t->made);
    arena_done(&t->arena);
    alloc_put(&alc, t, 1, sizeof *t);
}

const struct redaction *tokens_redaction(const struct tokens *tokens)
{
    return &tokens->redaction;
}

size_t tokens_count(const struct tokens *tokens)
{
    return tokens->ntokens;
}

/* ---- order */

static enum ampql_code number(struct tokens *t, struct str value, symbol *out,
                              struct ampql_error *err)
{
    *out = symbols_intern(&t->values, value);
    if (*out == SYMBOL_NONE)
        return fail_nomem(err, "the values of a capture");
    while (t->token.n <= *out)
        if (!array_add(&t->token, &t->alc, (struct str){0}))
            return fail_nomem(err, "the values of a capture");
    return AMPQL_OK;
}

enum ampql_code tokens_see(struct tokens *tokens, struct str value, struct ampql_error *err)
{
    symbol id;
    return number(tokens, value, &id, err);
}

static int by_text(const void *a, const void *b, void *symbols)
{
    return str_compare(symbols_text(symbols, *(const symbol *)a),
                       symbols_text(symbols, *(const symbol *)b));
}

/* All values by their bytes, in the arena; NULL without memory. */
static symbol *in_order(struct tokens *t)
{
    size_t n = t->values.n;
    symbol *order = arena_alloc(&t->arena, n, sizeof *order);
    for (size_t i = 0; order && i < n; i++)
        order[i] = (symbol)i;
    if (order)
        qsort_r(order, n, sizeof *order, by_text, &t->values);
    return order;
}

enum ampql_code tokens_rank(struct tokens *t, struct ampql_error *err)
{
    size_t n = t->values.n;
    symbol *order = in_order(t);
    t->rank = alloc_get(&t->alc, n, sizeof *t->rank);
    if (!order || !t->rank)
        return fail_nomem(err, "the order of values");
    t->nranks = n;
    for (size_t i = 0; i < n; i++)
        t->rank[order[i]] = (uint32_t)i;
    return AMPQL_OK;
}

/* ---- tokens */

/* No message has the value: it is what must not be seen. */
static enum ampql_code make(struct tokens *t, symbol id, struct ampql_error *err)
{
    uint8_t mac[SHA256_BYTES];
    char text[REDACTION_TOKEN_MAX + 1], hex[2 * TOKEN_BYTES + 1] = "", rank[16] = "";
    TRY(hmac_sha256(str_make(t->key, t->key_size), symbols_text(&t->values, id), mac, err));
    hex_of(mac, TOKEN_BYTES, hex);
    if (t->rank)
        snprintf(rank, sizeof rank, "%08x_", t->rank[id]);
    size_t n = (size_t)snprintf(text, sizeof text, "r_%s%s", rank, hex);
    uint32_t before = t->made.n;
    symbol token = symbols_intern(&t->made, str_make(text, n));
    if (token == SYMBOL_NONE)
        return fail_nomem(err, "a token");
    if (token < before || redaction_keeps_value(&t->redaction, str_make(text, n)))
        return fail(err, AMPQL_BAD_DATA, "two values have the token %s: take another key", text);
    t->token.at[id] = arena_copy(&t->arena, str_make(text, n));
    if (!t->token.at[id].p)
        return fail_nomem(err, "a token");
    t->ntokens++;
    return AMPQL_OK;
}

enum ampql_code tokens_of(struct tokens *t, struct str value, struct str *out,
                          struct ampql_error *err)
{
    symbol id;
    if (redaction_keeps_value(&t->redaction, value)) {
        *out = value;
        return AMPQL_OK;
    }
    TRY(number(t, value, &id, err));
    if (!t->token.at[id].p)
        TRY(make(t, id, err));
    *out = t->token.at[id];
    return AMPQL_OK;
}

enum ampql_code tokens_of_label(struct tokens *tokens, struct str label, struct str value,
                                struct str *out, struct ampql_error *err)
{
    if (!redaction_keeps_label(&tokens->redaction, label))
        return tokens_of(tokens, value, out, err);
    *out = value;
    return AMPQL_OK;
}

/* ---- the map */

static void put_map(struct tokens *t, const symbol *order, struct writer *w)
{
    buf_text(&w->buf, "token,value\n");
    for (size_t i = 0; i < t->values.n; i++) {
        struct str token = order[i] < t->token.n ? t->token.at[order[i]] : (struct str){0};
        if (!token.p)
            continue;
        csv_put_field(&w->buf, token);
        buf_byte(&w->buf, ',');
        csv_put_field(&w->buf, symbols_text(&t->values, order[i]));
        buf_byte(&w->buf, '\n');
        writer_flush(w);
    }
}

enum ampql_code tokens_write_map(struct tokens *tokens, const char *path, struct ampql_error *err)
{
    struct new_file file;
    struct writer w;
    symbol *order = in_order(tokens);
    if (!order)
        return fail_nomem(err, "the order of values");
    mode_t before = umask(077); /* it undoes what redaction is for */
    enum ampql_code code = new_file_open(&file, &tokens->alc, path, err);
    umask(before);
    TRY(code);
    writer_init(&w, &tokens->alc, new_file_write, &file);
    put_map(tokens, order, &w);
    code = writer_end(&w);
    if (code == AMPQL_NOMEM)
        fail_nomem(err, "the map of tokens");
    else if (code != AMPQL_OK)
        fail(err, code, "the map of tokens could not be written");
    return new_file_finish(&file, code, err);
}
