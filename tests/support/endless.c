/* Series pushed until the sink says no. */
#include "support/endless.h"

#include <stdio.h>
#include <string.h>

static struct ampql_string text(const char *s)
{
    return (struct ampql_string){s, strlen(s)};
}

static void fill_more(const struct endless *endless, struct ampql_label *labels)
{
    static char value[ENDLESS_VALUE_BYTES], names[ENDLESS_LABELS][8];
    memset(value, 'v', sizeof value);
    for (size_t i = 0; i < endless->nlabels; i++) {
        size_t n = i == 0 && endless->value_bytes ? endless->value_bytes : 1;
        snprintf(names[i], sizeof names[i], "l%zu", i % ENDLESS_LABELS);
        labels[i] = (struct ampql_label){text(names[i]), {value, n}};
    }
}

enum ampql_code endless_push(void *payload, const struct ampql_select *select,
                             struct ampql_sink *sink, struct ampql_error *err)
{
    static int64_t t[ENDLESS_SAMPLES];
    static double v[ENDLESS_SAMPLES];
    static struct ampql_label labels[2 + ENDLESS_LABELS];
    struct endless *endless = payload;
    (void)err;
    (void)select;
    for (size_t i = 0; i < endless->nsamples; i++) {
        t[i] = (int64_t)i * 1000;
        v[i] = (double)i;
    }
    fill_more(endless, labels + 2);
    for (endless->npushed = 0; !endless->nseries || endless->npushed < endless->nseries;
         endless->npushed++) {
        char number[24];
        snprintf(number, sizeof number, "%012zu", endless->npushed);
        labels[0] = (struct ampql_label){text("__name__"), text("x")};
        labels[1] = (struct ampql_label){text("n"), text(number)};
        enum ampql_code code =
            ampql_sink_push(sink, labels, 2 + endless->nlabels, t, v, endless->nsamples);
        if (code != AMPQL_OK)
            return code;
    }
    return AMPQL_OK;
}
