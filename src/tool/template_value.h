/* Values in templates and the functions over them: what the files of templates share. */
#ifndef AMPQL_SRC_TOOL_TEMPLATE_VALUE_H
#define AMPQL_SRC_TOOL_TEMPLATE_VALUE_H

#include "base/ascii.h"
#include "tool/template.h"

enum template_kind { TEMPLATE_TEXT, TEMPLATE_NUMBER, TEMPLATE_LABELS };

struct template_value {
    enum template_kind kind;
    struct str text;
    double number;
    bool is_whole;                    /* a literal without point: Go's int */
    const struct ampql_label *labels; /* [nlabels] */
    size_t nlabels;
};

enum { TEMPLATE_MAX_ARGS = 16, TEMPLATE_MAX_DEPTH = 16 };

/* One action on its way. */
struct template_action {
    struct str whole; /* between the braces, for messages */
    struct str rest;
    const struct template_data *data;
    struct arena *work;
    struct ampql_error *err;
    int depth;
};

static inline bool is_letter(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

/* "template action `...`: why `what`" with AMPQL_UNSUPPORTED; what may be empty. */
enum ampql_code template_refuse(const struct template_action *a, const char *why, struct str what);

/* A text of the action's, in its arena. err  AMPQL_NOMEM */
enum ampql_code template_text(const struct template_action *a, const char *p, size_t n,
                              struct template_value *out);

/* As Go prints a value of this kind by %v. */
void template_write(struct buf *out, const struct template_value *value);

bool template_is_function(struct str name);

/* err  AMPQL_UNSUPPORTED: arguments that it does not take; AMPQL_NOMEM */
enum ampql_code template_call(const struct template_action *a, struct str name,
                              const struct template_value *args, size_t nargs,
                              struct template_value *out);

#endif
