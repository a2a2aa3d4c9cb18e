/* Fields of protobuf, one after the other. */
#include "support/write_request.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    const uint8_t *p, *end;
    bool bad;
};

static uint64_t varint(struct reader *r)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (r->p == r->end)
            break;
        uint8_t byte = *r->p++;
        v |= shift < 64 ? (uint64_t)(byte & 127) << shift : 0;
        if (byte < 128)
            return v;
    }
    r->bad = true;
    return 0;
}

/* A field of this number and wire type must come next; of bytes, what is inside. */
static struct reader field(struct reader *r, unsigned number, unsigned wire_type)
{
    struct reader inside = {r->p, r->p, false};
    if (varint(r) != (number << 3 | wire_type))
        r->bad = true;
    if (r->bad || wire_type != 2)
        return inside;
    uint64_t n = varint(r);
    if (r->bad || n > (uint64_t)(r->end - r->p)) {
        r->bad = true;
        return inside;
    }
    inside = (struct reader){r->p, r->p + n, false};
    r->p += n;
    return inside;
}

struct text {
    char *p;
    size_t n;
};

static void put(struct text *text, const uint8_t *p, size_t n, char end)
{
    text->p = realloc(text->p, text->n + n + 2);
    if (!text->p)
        abort();
    memcpy(text->p + text->n, p, n);
    text->n += n;
    text->p[text->n++] = end;
    text->p[text->n] = '\0';
}

static int compare(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
    int order = memcmp(a, b, na < nb ? na : nb);
    return order ? order : (na > nb) - (na < nb);
}

static bool read_labels(struct reader *series, struct text *labels)
{
    const uint8_t *last = NULL;
    size_t nlast = 0;
    while (series->p < series->end && *series->p == (1 << 3 | 2)) {
        struct reader label = field(series, 1, 2);
        struct reader name = field(&label, 1, 2), value = field(&label, 2, 2);
        size_t nname = (size_t)(name.end - name.p), nvalue = (size_t)(value.end - value.p);
        if (series->bad || label.bad || label.p != label.end || nvalue == 0)
            return false;
        if (last && compare(last, nlast, name.p, nname) >= 0)
            return false;
        last = name.p;
        nlast = nname;
        put(labels, name.p, nname, '=');
        put(labels, value.p, nvalue, '\n');
    }
    return true;
}

bool write_request_read(const uint8_t *p, size_t n,
                        void (*sample)(void *payload, const char *labels, int64_t t_ms, double v),
                        void *payload)
{
    if (n == 0)
        return true;
    struct reader request = {p, p + n, false};
    while (request.p < request.end) {
        struct reader series = field(&request, 1, 2);
        struct text labels = {0};
        put(&labels, p, 0, '\n');
        bool ok = !request.bad && read_labels(&series, &labels);
        int64_t last_ms = INT64_MIN;
        while (ok && series.p < series.end) {
            struct reader one = field(&series, 2, 2);
            double v;
            field(&one, 1, 1);
            ok = !series.bad && !one.bad && one.end - one.p >= 8;
            if (!ok)
                break;
            memcpy(&v, one.p, sizeof v);
            one.p += 8;
            field(&one, 2, 0);
            int64_t t_ms = (int64_t)varint(&one);
            ok = !one.bad && one.p == one.end && (t_ms > last_ms || last_ms == INT64_MIN);
            last_ms = t_ms;
            if (ok)
                sample(payload, labels.p, t_ms, v);
        }
        free(labels.p);
        if (!ok)
            return false;
    }
    return true;
}
