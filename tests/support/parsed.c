/* The way every test of the language layer parses. */
#include "support/parsed.h"

#include "lang/printer.h"
#include "support/ast_equal.h"
#include "support/signatures.h"
#include "support/test.h"

#include <stdio.h>

enum { MAX_PRINT = 1 << 24 };

static void render(struct parsed *parsed, struct str text)
{
    size_t line, column;
    struct buf buf;
    if (!parsed->ast) {
        text_position(text, parsed->err.start, &line, &column);
        snprintf(parsed->text, sizeof parsed->text, "%zu:%zu: %s", line, column,
                 parsed->err.message);
        return;
    }
    buf_init(&buf, &alloc_default, MAX_PRINT);
    print_expr(&buf, parsed->ast);
    assert_int_equal(buf.failed, AMPQL_OK);
    snprintf(parsed->text, sizeof parsed->text, "%.*s", STR_ARGS(buf_view(&buf)));
    buf_done(&buf);
}

void parse_text(struct parsed *out, struct str text, const struct parse_options *options)
{
    struct parse_options with = *options;
    if (!with.find_function)
        with.find_function = signatures_find;
    *out = (struct parsed){0};
    arena_init(&out->arena, &alloc_default);
    out->code = parse_expr(text, &with, &out->arena, &out->ast, &out->err);
    if (out->code != AMPQL_OK)
        out->ast = NULL;
    render(out, text);
}

void parsed_done(struct parsed *parsed)
{
    arena_done(&parsed->arena);
}

static void assert_reads_as(const struct buf *print, const struct ast *ast,
                            const struct parse_options *options)
{
    struct parsed again;
    assert_int_equal(print->failed, AMPQL_OK);
    parse_text(&again, buf_view(print), options);
    if (!again.ast)
        fail_msg("%s: from the print %.*s", again.text, STR_ARGS(buf_view(print)));
    if (!ast_equal(ast, again.ast))
        fail_msg("another tree: from the print %.*s", STR_ARGS(buf_view(print)));
    parsed_done(&again);
}

void assert_prints_back(const struct ast *ast, const struct parse_options *options)
{
    struct buf print;
    buf_init(&print, &alloc_default, MAX_PRINT);
    print_expr(&print, ast);
    assert_reads_as(&print, ast, options);
    print.n = 0;
    print_expr_pretty(&print, ast);
    assert_reads_as(&print, ast, options);
    buf_done(&print);
}
