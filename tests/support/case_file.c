/* Cases as test scripts, and moving them in time. */
#include "support/case_file.h"

#include "base/duration.h"
#include "base/number.h"
#include "base/quote.h"
#include "eval/function.h"
#include "lang/parser.h"
#include "lang/printer.h"
#include "series/labels.h"
#include "series/sample.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { MAX_CASE = 1 << 24, MAX_STEPS = 3000000 };

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

static void write_duration(struct buf *out, int64_t ms)
{
    char text[DURATION_MAX];
    buf_bytes(out, text, duration_format(ms, text));
}

static void write_number(struct buf *out, double v)
{
    char text[NUMBER_MAX];
    if (is_stale(v))
        buf_text(out, "stale");
    else
        buf_bytes(out, text, number_format(v, text));
}

static void write_labels(struct buf *out, const struct ampql_label *labels, size_t n)
{
    buf_text(out, "  {");
    for (size_t i = 0; i < n; i++) {
        struct str name = str_view(labels[i].name);
        if (i)
            buf_text(out, ", ");
        if (label_name_is_valid(name, AMPQL_PROM2))
            buf_str(out, name);
        else
            print_quoted(out, name);
        buf_byte(out, '=');
        print_quoted(out, str_view(labels[i].value));
    }
    buf_byte(out, '}');
}

/* Values [n] at times, on a grid from start_ms on; false: too far apart. */
static bool write_values(struct buf *out, const int64_t *t_ms, const double *v, size_t n,
                         int64_t start_ms, int64_t step_ms)
{
    int64_t next = start_ms;
    for (size_t i = 0; i < n; i++) {
        int64_t gaps = (t_ms[i] - next) / step_ms;
        if (gaps > MAX_STEPS)
            return false;
        if (gaps == 1)
            buf_text(out, " _");
        else if (gaps > 1)
            buf_format(out, " _x%lld", (long long)gaps);
        buf_byte(out, ' ');
        write_number(out, v[i]);
        next = t_ms[i] + step_ms;
    }
    buf_byte(out, '\n');
    return true;
}

/* The widest interval that all samples lie on. */
static int64_t interval_of(const struct expr_case *c)
{
    int64_t interval = 0;
    for (size_t i = 0; i < c->nseries; i++)
        for (size_t k = 0; k < c->series[i].n; k++)
            interval = gcd(interval, c->series[i].t_ms[k]);
    return interval ? interval : 60000;
}

static bool write_load(const struct expr_case *c, struct buf *out)
{
    int64_t interval = interval_of(c);
    bool any = false;
    for (size_t i = 0; i < c->nseries; i++) {
        const struct test_series *s = &c->series[i];
        if (s->n == 0)
            continue;
        if (s->t_ms[0] < 0)
            return false;
        if (!any) {
            buf_text(out, "load ");
            write_duration(out, interval);
            buf_byte(out, '\n');
        }
        any = true;
        write_labels(out, s->labels, s->nlabels);
        if (!write_values(out, s->t_ms, s->v, s->n, 0, interval))
            return false;
    }
    if (any)
        buf_byte(out, '\n');
    return true;
}

/* An instant evaluation is run with @ in its text, too, and annotations would name other places:
 * as a range of one step it is run once. */
static bool is_as_range(const struct expr_case *c, const struct case_answer *answer)
{
    return c->options.step_ms > 0 || (answer->code == AMPQL_OK && answer->outcome->nnotes > 0 &&
                                      (answer->outcome->kind == AMPQL_RESULT_VECTOR ||
                                       answer->outcome->kind == AMPQL_RESULT_SCALAR));
}

static void write_eval(const struct expr_case *c, bool is_range, struct buf *out)
{
    const struct ampql_run_options *o = &c->options;
    buf_text(out, is_range ? "eval range from " : "eval instant at ");
    write_duration(out, o->start_ms);
    if (is_range) {
        buf_text(out, " to ");
        write_duration(out, o->end_ms);
        buf_text(out, " step ");
        write_duration(out, o->step_ms ? o->step_ms : 60000);
    }
    buf_byte(out, ' ');
    buf_str(out, c->text);
    buf_byte(out, '\n');
}

static void write_notes(const struct outcome *o, bool infos, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < o->nnotes; i++) {
        if (o->notes[i].is_info != infos)
            continue;
        any = true;
        buf_text(out, infos ? "  expect info msg: " : "  expect warn msg: ");
        buf_str(out, o->notes[i].text);
        buf_byte(out, '\n');
    }
    if (!any)
        buf_text(out, infos ? "  expect no_info\n" : "  expect no_warn\n");
}

/* `expect range vector from T to T step D`: a grid that all samples lie on; it ends at the time of
 * the query. */
static void write_window(const struct outcome *o, int64_t end, int64_t *start, int64_t *step,
                         struct buf *out)
{
    int64_t from = end, apart = 0;
    for (size_t i = 0; i < o->nseries; i++)
        for (size_t k = 0; k < o->series[i].n; k++)
            from = o->series[i].t_ms[k] < from ? o->series[i].t_ms[k] : from;
    for (size_t i = 0; i < o->nseries; i++)
        for (size_t k = 0; k < o->series[i].n; k++)
            apart = gcd(apart, o->series[i].t_ms[k] - from);
    *start = from;
    *step = apart ? apart : 60000;
    buf_text(out, "  expect range vector from ");
    write_duration(out, from);
    buf_text(out, " to ");
    write_duration(out, end);
    buf_text(out, " step ");
    write_duration(out, *step);
    buf_byte(out, '\n');
}

/* Is the order of an instant vector a part of the answer? */
static bool has_order(struct str text)
{
    static const char *const names[] = {"sort", "topk", "bottomk", "limitk"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text.n > 0 && memmem(text.p, text.n, names[i], strlen(names[i])))
            return true;
    return false;
}

static bool write_outcome(const struct expr_case *c, const struct outcome *o, bool is_range,
                          struct buf *out)
{
    int64_t start = c->options.start_ms, step = c->options.step_ms ? c->options.step_ms : 60000;
    if (o->kind == AMPQL_RESULT_STRING) {
        buf_text(out, "  expect string ");
        print_quoted(out, o->string);
        buf_byte(out, '\n');
        return true;
    }
    if (o->kind == AMPQL_RESULT_SCALAR) {
        buf_text(out, "  ");
        write_number(out, o->scalar);
        buf_byte(out, '\n');
        return true;
    }
    if (o->kind == AMPQL_RESULT_VECTOR && !is_range && has_order(c->text))
        buf_text(out, "  expect ordered\n");
    if (o->kind == AMPQL_RESULT_MATRIX && !is_range)
        write_window(o, c->options.start_ms, &start, &step, out);
    for (size_t i = 0; i < o->nseries; i++) {
        const struct outcome_series *s = &o->series[i];
        bool is_instant = o->kind == AMPQL_RESULT_VECTOR;
        write_labels(out, s->labels, s->nlabels);
        if (!write_values(out, is_instant ? &start : s->t_ms, s->v, s->n, start, step))
            return false;
    }
    return true;
}

static bool write_case(const struct expr_case *c, const struct case_answer *answer,
                       const char *origin, struct buf *out)
{
    bool is_prom2 = c->options.dialect == AMPQL_PROM2, is_range = is_as_range(c, answer);
    if (c->options.lookback_ms || c->options.start_ms < 0 || answer->code == AMPQL_PARSE)
        return false;
    buf_format(out, "# %s\n# dialect: %s\n", origin, is_prom2 ? "prom2" : "prom3");
    if (!is_prom2)
        buf_format(out, "# name removal: %s\n",
                   c->options.delayed_name_removal ? "delayed" : "immediate");
    buf_text(out, "# values: exact\n\n");
    if (!write_load(c, out))
        return false;
    write_eval(c, is_range, out);
    if (answer->code != AMPQL_OK) {
        buf_text(out, answer->message.n ? "  expect fail msg: " : "  expect fail");
        buf_str(out, answer->message);
        buf_byte(out, '\n');
        return true;
    }
    if (!is_prom2) {
        write_notes(answer->outcome, false, out);
        write_notes(answer->outcome, true, out);
    }
    return write_outcome(c, answer->outcome, is_range, out);
}

bool case_write(const struct expr_case *c, const struct case_answer *answer, const char *origin,
                struct buf *out)
{
    size_t before = out->n;
    bool ok = write_case(c, answer, origin, out);
    if (!ok)
        out->n = before;
    return ok;
}

void case_save(const struct expr_case *c, const struct case_answer *answer, const char *origin,
               const char *folder, const char *name)
{
    char path[300];
    struct buf text;
    buf_init(&text, &alloc_default, MAX_CASE);
    snprintf(path, sizeof path, "%s/%s.test", folder, name);
    if (!case_write(c, answer, origin, &text) || text.failed != AMPQL_OK) {
        printf("the test language cannot say this case: no %s\n", path);
    } else {
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            perror(folder);
        FILE *f = fopen(path, "wb");
        bool ok = f && fwrite(text.p, 1, text.n, f) == text.n;
        if (f && fclose(f) != 0)
            ok = false;
        if (ok)
            printf("written to %s\n%.*s", path, (int)text.n, text.p);
        else
            perror(path);
    }
    fflush(stdout);
    buf_done(&text);
}

/* ---- time */

static struct ast *parse(const struct expr_case *c, struct arena *arena)
{
    struct ast *ast = NULL;
    const struct parse_options options = {
        .find_function = function_find, .dialect = c->options.dialect, .experimental = true};
    return parse_expr(c->text, &options, arena, &ast, NULL) == AMPQL_OK ? ast : NULL;
}

/* Move what is after @, here and below; does it read the time? */
static bool walk(struct ast *ast, int64_t by_ms)
{
    bool reads = false;
    switch (ast->kind) {
    case AST_SELECTOR:
        ast->u.selector.at.ms += by_ms;
        break;
    case AST_SUBQUERY:
        ast->u.subquery.at.ms += by_ms;
        return walk(ast->u.subquery.expr, by_ms);
    case AST_CALL:
        reads = ast->u.call.function->reads_time ||
                ast->u.call.function->kernel == KERNEL_TIMESTAMP ||
                strncmp(ast->u.call.function->name, "ts_of_", 6) == 0;
        for (size_t i = 0; i < ast->u.call.nargs; i++)
            reads |= walk(ast->u.call.args[i], by_ms);
        break;
    case AST_AGGREGATE:
        reads = walk(ast->u.aggregate.expr, by_ms);
        if (ast->u.aggregate.param)
            reads |= walk(ast->u.aggregate.param, by_ms);
        break;
    case AST_BINARY:
        reads = walk(ast->u.binary.lhs, by_ms);
        reads |= walk(ast->u.binary.rhs, by_ms);
        break;
    case AST_UNARY:
        return walk(ast->u.unary.expr, by_ms);
    case AST_PAREN:
        return walk(ast->u.paren, by_ms);
    default:
        break;
    }
    return reads;
}

bool case_reads_time(const struct expr_case *c)
{
    struct arena arena;
    arena_init(&arena, &alloc_default);
    struct ast *ast = parse(c, &arena);
    bool reads = !ast || walk(ast, 0);
    arena_done(&arena);
    return reads;
}

static void *take(struct arena *arena, size_t n, size_t size)
{
    void *p = arena_zeroed(arena, n + 1, size);
    if (!p)
        abort();
    return p;
}

bool case_move(struct expr_case *c, int64_t by_ms, struct arena *arena)
{
    struct buf text;
    struct ast *ast = parse(c, arena);
    if (!ast)
        return false;
    walk(ast, by_ms);
    buf_init(&text, &alloc_default, MAX_CASE);
    print_expr(&text, ast);
    c->text = arena_copy(arena, buf_view(&text));
    if (!c->text.p || text.failed != AMPQL_OK)
        abort();
    buf_done(&text);
    c->options.start_ms += by_ms;
    c->options.end_ms += by_ms;
    for (size_t i = 0; i < c->nseries; i++) {
        struct test_series *s = &c->series[i];
        int64_t *t = take(arena, s->n, sizeof *t);
        for (size_t k = 0; k < s->n; k++)
            t[k] = s->t_ms[k] + by_ms;
        s->t_ms = t;
    }
    return true;
}
