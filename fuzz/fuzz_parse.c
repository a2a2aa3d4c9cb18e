/* Any bytes, in both dialects: a tree whose canonical and pretty print parse to the same tree, or
 * an error with a one-line message and a span inside the text. */
#include "lang/parser.h"
#include "lang/printer.h"
#include "support/ast_equal.h"
#include "support/signatures.h"

#include <stdlib.h>

enum { MAX_PRINT = 1 << 26 };

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void require_error(struct str text, enum ampql_code code, const struct ampql_error *err)
{
    REQUIRE(code == AMPQL_PARSE || code == AMPQL_LIMIT || code == AMPQL_UNSUPPORTED);
    REQUIRE(err->code == code && err->message[0] != '\0');
    for (const char *p = err->message; *p; p++)
        REQUIRE((unsigned char)*p >= ' ' && *p != 0x7f);
    REQUIRE(err->has_span || text.n > 1 << 20);
    REQUIRE(err->start <= err->end && err->end <= text.n);
}

static void require_same(const struct buf *print, const struct ast *ast,
                         const struct parse_options *options)
{
    struct arena arena;
    struct ast *again;
    struct parse_options large = *options;
    large.max_bytes = MAX_PRINT; /* a print may be longer than the text */
    REQUIRE(print->failed == AMPQL_OK);
    arena_init(&arena, &alloc_default);
    REQUIRE(parse_expr(buf_view(print), &large, &arena, &again, NULL) == AMPQL_OK);
    REQUIRE(ast_equal(ast, again));
    arena_done(&arena);
}

static void run(struct str text, const struct parse_options *options)
{
    struct arena arena;
    struct ast *ast;
    struct buf print;
    struct ampql_error err = {0};
    arena_init(&arena, &alloc_default);
    buf_init(&print, &alloc_default, MAX_PRINT);
    enum ampql_code code = parse_expr(text, options, &arena, &ast, &err);
    if (code == AMPQL_OK) {
        print_expr(&print, ast);
        require_same(&print, ast, options);
        print.n = 0;
        print_expr_pretty(&print, ast);
        require_same(&print, ast, options);
    } else {
        require_error(text, code, &err);
    }
    buf_done(&print);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parse_options options = {.find_function = signatures_find};
    struct str text = str_make((const char *)data, size);
    run(text, &options);
    options.experimental = true;
    run(text, &options);
    options.dialect = AMPQL_PROM2;
    run(text, &options);
    return 0;
}
