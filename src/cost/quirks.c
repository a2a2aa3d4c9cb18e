/* The table of quirks, and lists that switch them. */
#include "cost/quirks.h"

static const struct ampql_cost_quirk quirk_info[QUIRK_COUNT] = {
#define QUIRK(id, name, is_on, help) [QUIRK_##id] = {name, is_on, help},
#include "cost/quirks.def"
};

/* Cut the text before the first `at`, which is dropped; all of it when there is none. */
static struct str cut(struct str *text, char at)
{
    const char *end = text->n ? memchr(text->p, at, text->n) : NULL;
    struct str head = end ? str_make(text->p, (size_t)(end - text->p)) : *text;
    *text = str_from(*text, end ? head.n + 1 : head.n);
    return head;
}

/* quirk := NAME "=" ("on" | "off") */
static enum ampql_code parse_one(struct str text, struct quirks *out, struct ampql_error *err)
{
    char quoted[320];
    struct str value = text;
    struct str name = cut(&value, '=');
    bool is_on = str_equal(value, STR("on"));
    if (!is_on && !str_equal(value, STR("off")))
        return fail(err, AMPQL_BAD_DATA, "the quirk is %s, expected NAME=on or NAME=off",
                    quote_clipped(quoted, sizeof quoted, text));
    for (size_t i = 0; i < QUIRK_COUNT; i++) {
        if (str_equal(name, str_of(quirk_info[i].name))) {
            out->is_on[i] = is_on;
            return AMPQL_OK;
        }
    }
    return fail(err, AMPQL_BAD_DATA, "there is no quirk %s",
                quote_clipped(quoted, sizeof quoted, name));
}

enum ampql_code quirks_parse(struct str text, struct quirks *out, struct ampql_error *err)
{
    for (size_t i = 0; i < QUIRK_COUNT; i++)
        out->is_on[i] = quirk_info[i].is_on;
    while (text.n)
        TRY(parse_one(cut(&text, ','), out, err));
    return AMPQL_OK;
}

bool ampql_cost_quirk_at(size_t i, struct ampql_cost_quirk *out)
{
    if (i >= QUIRK_COUNT)
        return false;
    *out = quirk_info[i];
    return true;
}
