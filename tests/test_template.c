/* Templates of alerts: what they come to, and what is refused by name. */
#include "base/error.h"
#include "tool/template.h"

/* last: cmocka has a macro named fail */
#include "support/test.h"
#include "support/torture.h"

#define LABEL(n, v)                                                                                \
    {                                                                                              \
        {n, sizeof(n) - 1},                                                                        \
        {                                                                                          \
            v, sizeof(v) - 1                                                                       \
        }                                                                                          \
    }

static const struct ampql_label labels[] = {LABEL("__name__", "up"), LABEL("job", "a b"),
                                            LABEL("pod", "x")};
static const struct ampql_label external[] = {LABEL("zone", "eu")};
static const struct template_data data = {labels, 3, external, 1, {"http://a/", 9}, 1234.5678};

/* What 2.42's promtool makes of the first text; NULL: refused, with the second in the message. */
static const struct row {
    const char *text, *out, *message;
} rows[] = {
    {"", "", NULL},
    {"plain } { text }}", "plain } { text }}", NULL},
    {"{{ $value }}|{{.Value}}|{{$labels.pod}}", "1234.5678|1234.5678|x", NULL},
    {"a {{- $labels.pod -}} b", "axb", NULL},
    {"a {{ $labels.pod -}} \n b", "a xb", NULL},
    {"{{-3}} {{ - }}", NULL, "not a number: `-`"},
    {"{{ $labels.none }}{{ .ExternalLabels.zone }}{{ $externalURL }}{{ externalURL }}",
     "euhttp://a/http://a/", NULL},
    {"{{ $labels }}", "map[__name__:up job:a b pod:x]", NULL},
    {"{{/* a comment */}}{{ `raw \\` }}{{ \"a\\n\\t\\\"\\\\\" }}", "raw \\a\n\t\"\\", NULL},
    {"{{ 5 }} {{ 1.5 }} {{ 1e6 }} {{ -2 }} {{ 1234567.0 }}", "5 1.5 1e+06 -2 1.234567e+06", NULL},

    {"{{ humanize 0.0 }} {{ humanize 999.0 }} {{ humanize 1234567.0 }} {{ humanize 0.00123 }}",
     "0 999 1.235M 1.23m", NULL},
    {"{{ humanize 1e27 }} {{ humanize -5e3 }} {{ \"Inf\" | humanize }} {{ \"NaN\" | humanize }}",
     "1000Y -5k +Inf NaN", NULL},
    {"{{ humanize1024 1.0 }} {{ humanize1024 1024.0 }} {{ humanize1024 1.5e12 }}", "1 1ki 1.364Ti",
     NULL},
    {"{{ humanizeDuration 0.0 }} {{ humanizeDuration 59.5 }} {{ humanizeDuration 61.0 }} "
     "{{ humanizeDuration -3600.0 }} {{ humanizeDuration 0.02 }} {{ humanizeDuration 90061.0 }}",
     "0s 59.5s 1m 1s -1h 0m 0s 20ms 1d 1h 1m 1s", NULL},
    {"{{ $value | humanizePercentage }} {{ humanizePercentage 0.5 }}", "1.235e+05% 50%", NULL},
    {"{{ \"ab-c'd e_f\" | title }} {{ toUpper \"aZ1\" }} {{ toLower \"aZ1\" }}",
     "Ab-C'd E_f AZ1 az1", NULL},
    {"{{ printf \"%s=%.2f%% %v %q\" \"a\" 1.239 2.5 \"q\" }}", NULL, "%q"},
    {"{{ printf \"%s=%.2f%% %v|%5s|%-4s|%08.3f|%e|%g|%.3g\" \"a\" 1.239 2.5 \"b\" \"c\" 3.14159 "
     "1.5 "
     "1.5 1234.5 }}",
     "a=1.24% 2.5|    b|c   |0003.142|1.500000e+00|1.5|1.23e+03", NULL},
    {"{{ (printf \"%s\" (toUpper \"x\")) | printf \"<%s>\" }}", "<X>", NULL},

    {"{{ if true }}x{{ end }}", NULL, "`if true`: not supported: `if`"},
    {"{{ range query \"up\" }}", NULL, "`range`"},
    {"{{ $x := 1 }}", NULL, "unknown `$x`"},
    {"{{ $labels.a.b }}", NULL, "a field of a label's value"},
    {"{{ $value.a }}", NULL, "a field of `$value`"},
    {"{{ . }}", NULL, "unknown `.`"},
    {"{{ }}", NULL, "a command is missing"},
    {"{{ $value | }}", NULL, "a command is missing"},
    {"{{ $value | 5 }}", NULL, "no function after |"},
    {"{{ $value 5 }}", NULL, "not supported: `5`"},
    {"{{ humanize }}", NULL, "arguments of `humanize`"},
    {"{{ humanize \"x\" }}", NULL, "not a number: `x`"},
    {"{{ humanize $labels }}", NULL, "arguments of `humanize`"},
    {"{{ toUpper 5 }}", NULL, "arguments of `toUpper`"},
    {"{{ toUpper \"\xc3\xa9\" }}", NULL, "beyond ASCII"},
    {"{{ printf }}", NULL, "printf without a format"},
    {"{{ printf \"%d\" 5 }}", NULL, "printf's `%d`"},
    {"{{ printf \"%s\" }}", NULL, "printf's `%s`"},
    {"{{ printf \"x\" 5 }}", NULL, "too many values"},
    {"{{ printf \"%f\" 5 }}", NULL, "printf's `%f`"},
    {"{{ printf \"%999999f\" 5.0 }}", NULL, "printf's"},
    {"{{ \"a }}", NULL, "has no end"},
    {"{{ \"\\x41\" }}", NULL, "an escape in"},
    {"{{ (5 }}", NULL, "parentheses without their end"},
    {"{{ 5) }}", NULL, "not supported: `)`"},
    {"{{ ((((((((((((((((((5)))))))))))))))))) }}", NULL, "parentheses too deep"},
    {"{{ 0x }}", NULL, "not a number: `0x`"},
    {"{{ humanizeDuration 1e19 }}", NULL, "over 64 bits"},
};

static void expansions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena work;
        struct buf out;
        struct ampql_error err = {0};
        arena_init(&work, &alloc_default);
        buf_init(&out, &alloc_default, 1 << 16);
        enum ampql_code code = template_expand(str_of(rows[i].text), &data, &work, &out, &err);
        buf_byte(&out, '\0');
        bool is_open = rows[i].message && strstr(rows[i].message, "has no end");
        if (template_is_closed(str_of(rows[i].text)) == is_open)
            fail_msg("%s is closed, or not", rows[i].text);
        if (rows[i].out ? code != AMPQL_OK || strcmp(out.p, rows[i].out) != 0
                        : code != AMPQL_UNSUPPORTED || !strstr(err.message, rows[i].message))
            fail_msg("%s gives %d \"%s\" \"%s\"", rows[i].text, code, out.p, err.message);
        buf_done(&out);
        arena_done(&work);
    }
}

static bool expand_all(const struct ampql_allocator *alc)
{
    bool ok = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && ok; i++) {
        struct arena work;
        struct buf out;
        struct ampql_error err = {0};
        arena_init(&work, alc);
        buf_init(&out, alc, 1 << 16);
        enum ampql_code code = template_expand(str_of(rows[i].text), &data, &work, &out, &err);
        ok = code == AMPQL_OK || code == AMPQL_UNSUPPORTED;
        buf_done(&out);
        arena_done(&work);
    }
    return ok;
}

static void torture(void **state)
{
    (void)state;
    torture_all_lenient(expand_all);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(expansions), cmocka_unit_test(torture)};
TEST_MAIN(tests)
