/* Series for tests. */
#include "support/series.h"

#include "support/test.h"

#include <stdlib.h>
#include <string.h>

size_t test_labels(const char *name, const char *text, struct ampql_label *out)
{
    size_t n = 0;
    if (name)
        out[n++] = (struct ampql_label){{"__name__", 8}, {name, strlen(name)}};
    while (*text) {
        size_t key = strcspn(text, "="), value = strcspn(text + key, ",");
        assert_true(n < TEST_LABELS_MAX && text[key] == '=');
        out[n++] = (struct ampql_label){{text, key}, {text + key + 1, value - 1}};
        text += key + value;
        text += *text == ',';
    }
    return n;
}

enum { MAX_SAMPLES = 4096 };

struct columns {
    int64_t t[MAX_SAMPLES];
    double v[MAX_SAMPLES];
    size_t n;
};

/* A decimal up to a blank, an "x" or a sign: strtod alone would read "0x60" as hexadecimal. */
static const char *read_number(const char *p, double *out)
{
    char text[64], *end;
    size_t n = 1 + strcspn(p + 1, " x+-");
    assert_true(n < sizeof text);
    memcpy(text, p, n);
    text[n] = '\0';
    *out = strtod(text, &end);
    assert_true(end == text + n);
    return p + n;
}

/* One word: "_", "_x3", "stale", "5", "5x3", "5+2x3", "5-2x3". */
static void read_word(struct columns *out, const char **text, int64_t *t, int64_t step_ms)
{
    const char *p = *text;
    double v = 0, by = 0;
    bool is_absent = *p == '_', is_stale = strncmp(p, "stale", 5) == 0;
    if (is_absent || is_stale) {
        p += is_absent ? 1 : 5;
    } else {
        p = read_number(p, &v);
        if (*p == '+' || *p == '-')
            p = read_number(p, &by);
    }
    long more = 0;
    if (*p == 'x') {
        char *end;
        more = strtol(p + 1, &end, 10);
        more -= is_absent; /* "_x3" is three absent ones */
        p = end;
    }
    assert_true(*p == ' ' || *p == '\0');
    for (long i = 0; i <= more; i++, *t += step_ms) {
        if (is_absent)
            continue;
        assert_true(out->n < MAX_SAMPLES);
        out->t[out->n] = *t;
        out->v[out->n++] = is_stale ? ampql_stale_marker() : v + by * (double)i;
    }
    *text = p;
}

bool test_add(struct ampql_source *source, const char *name, const char *labels, int64_t start_ms,
              int64_t step_ms, const char *text)
{
    struct ampql_label split[TEST_LABELS_MAX];
    size_t nlabels = test_labels(name, labels, split);
    struct columns *columns = malloc(sizeof *columns);
    assert_non_null(columns);
    columns->n = 0;
    for (int64_t t = start_ms; *text;) {
        if (*text == ' ')
            text++;
        else
            read_word(columns, &text, &t, step_ms);
    }
    bool ok = ampql_source_add(source, split, nlabels, columns->t, columns->v, columns->n, NULL) ==
              AMPQL_OK;
    free(columns);
    return ok;
}

bool test_is(struct ampql_string s, const char *text)
{
    return s.size == strlen(text) && (s.size == 0 || memcmp(s.data, text, s.size) == 0);
}

int test_write(void *payload, const char *data, size_t size)
{
    struct test_text *text = payload;
    if (size >= sizeof text->at - text->n)
        return 1;
    memcpy(text->at + text->n, data, size);
    text->n += size;
    text->at[text->n] = '\0';
    return 0;
}
