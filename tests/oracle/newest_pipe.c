/* Writing requests to the newest Prometheus and reading its answers. */
#include "oracle/newest.h"

#include "series/sample.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "newest: error: %s\n", what);
    exit(2);
}

/* ---- the process */

void newest_start(struct newest *newest, const char *path)
{
    int to[2], from[2];
    *newest = (struct newest){0};
    if (pipe(to) || pipe(from))
        die("no pipe");
    newest->pid = fork();
    if (newest->pid < 0)
        die("no process");
    if (newest->pid == 0) {
        if (dup2(to[0], 0) < 0 || dup2(from[1], 1) < 0)
            _exit(127);
        close(to[0]), close(to[1]), close(from[0]), close(from[1]);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    close(to[0]), close(from[1]);
    newest->to = fdopen(to[1], "w");
    newest->from = fdopen(from[0], "r");
    if (!newest->to || !newest->from)
        die("no stream");
}

void newest_end(struct newest *newest)
{
    fclose(newest->to);
    fclose(newest->from);
    free(newest->line);
    waitpid(newest->pid, NULL, 0);
}

/* ---- requests */

static void write_text(FILE *f, const char *p, size_t n)
{
    if (n == 0)
        fputs(" -", f);
    else
        fputc(' ', f);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%02x", (unsigned char)p[i]);
}

static void write_series(FILE *f, const struct test_series *s)
{
    fprintf(f, " %zu", s->nlabels);
    for (size_t i = 0; i < s->nlabels; i++) {
        write_text(f, s->labels[i].name.data, s->labels[i].name.size);
        write_text(f, s->labels[i].value.data, s->labels[i].value.size);
    }
    fprintf(f, " %zu", s->n);
    for (size_t i = 0; i < s->n; i++)
        fprintf(f, " %" PRId64 " %016" PRIx64, s->t_ms[i], bits_of(s->v[i]));
}

/* ---- answers */

struct words {
    char *p;
    struct arena *arena;
};

static char *word(struct words *w)
{
    char *start = w->p, *end = strchr(start, ' ');
    if (*start == '\0')
        die("an answer ends early");
    if (end) {
        *end = '\0';
        w->p = end + 1;
    } else {
        w->p = start + strlen(start);
    }
    return start;
}

static size_t count(struct words *w)
{
    return strtoull(word(w), NULL, 10);
}

static double value(struct words *w)
{
    return double_of(strtoull(word(w), NULL, 16));
}

static void *take(struct words *w, size_t n, size_t size)
{
    void *p = arena_zeroed(w->arena, n, size);
    if (!p)
        die("no memory");
    return p;
}

static struct str text(struct words *w)
{
    const char *hex = word(w);
    size_t n = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;
    char *out = take(w, n + 1, 1);
    for (size_t i = 0; i < n; i++) {
        char byte[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out[i] = (char)strtoul(byte, NULL, 16);
    }
    return str_make(out, n);
}

static struct ampql_string label_text(struct words *w)
{
    struct str s = text(w);
    return (struct ampql_string){s.p, s.n};
}

static void read_one(struct words *w, struct outcome_series *out)
{
    out->nlabels = count(w);
    struct ampql_label *labels = take(w, out->nlabels, sizeof *labels);
    for (size_t i = 0; i < out->nlabels; i++) {
        labels[i].name = label_text(w);
        labels[i].value = label_text(w);
    }
    out->n = count(w);
    int64_t *t = take(w, out->n, sizeof *t);
    double *v = take(w, out->n, sizeof *v);
    for (size_t i = 0; i < out->n; i++) {
        t[i] = strtoll(word(w), NULL, 10);
        v[i] = value(w);
    }
    out->labels = labels;
    out->t_ms = t;
    out->v = v;
}

static void read_value(struct words *w, struct newest_answer *out)
{
    const char *kind = word(w);
    struct outcome *o = &out->outcome;
    if (strcmp(kind, "parsed") == 0) {
        out->print = text(w);
        out->pretty = text(w);
        return;
    }
    if (strcmp(kind, "json") == 0) {
        out->print = text(w);
        return;
    }
    if (strcmp(kind, "scalar") == 0) {
        o->kind = AMPQL_RESULT_SCALAR;
        o->scalar = value(w);
    } else if (strcmp(kind, "string") == 0) {
        o->kind = AMPQL_RESULT_STRING;
        o->string = text(w);
    } else {
        o->kind = strcmp(kind, "vector") == 0 ? AMPQL_RESULT_VECTOR : AMPQL_RESULT_MATRIX;
        o->nseries = count(w);
        struct outcome_series *series = take(w, o->nseries, sizeof *series);
        for (size_t i = 0; i < o->nseries; i++)
            read_one(w, &series[i]);
        o->series = series;
    }
    o->nnotes = count(w);
    struct outcome_note *notes = take(w, o->nnotes, sizeof *notes);
    for (size_t i = 0; i < o->nnotes; i++) {
        notes[i].text = text(w);
        notes[i].is_info = str_equal(str_make(notes[i].text.p, notes[i].text.n < 11 ? 0 : 11),
                                     str_of("PromQL info"));
    }
    o->notes = notes;
}

static void read_answer(struct newest *newest, struct arena *arena, struct newest_answer *out)
{
    *out = (struct newest_answer){0};
    fputc('\n', newest->to);
    if (fflush(newest->to) != 0)
        die("the oracle is gone");
    ssize_t n = getline(&newest->line, &newest->cap, newest->from);
    if (n <= 0)
        die("no answer");
    newest->line[n - 1] = '\0';
    struct words w = {newest->line, arena};
    if (strcmp(word(&w), "ok") == 0) {
        read_value(&w, out);
        return;
    }
    out->code = strcmp(word(&w), "parse") == 0 ? AMPQL_PARSE : AMPQL_EXECUTION;
    out->message = text(&w);
}

static void write_case(FILE *f, const char *what, const struct expr_case *c)
{
    fprintf(f, "%s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d", what, c->options.start_ms,
            c->options.end_ms, c->options.step_ms, c->options.lookback_ms,
            c->options.delayed_name_removal);
    write_text(f, c->text.p, c->text.n);
    fprintf(f, " %zu", c->nseries);
    for (size_t i = 0; i < c->nseries; i++)
        write_series(f, &c->series[i]);
}

void newest_evaluate(struct newest *newest, const struct expr_case *c, struct arena *arena,
                     struct newest_answer *out)
{
    write_case(newest->to, "eval", c);
    read_answer(newest, arena, out);
}

void newest_record(struct newest *newest, const struct rules_case *c,
                   const struct newest_rules *times, struct arena *arena, struct newest_answer *out)
{
    const struct expr_case *data = &c->query;
    fputs("rules", newest->to);
    write_text(newest->to, times->file, strlen(times->file));
    fprintf(newest->to, " %" PRId64 " %d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
            data->options.lookback_ms, data->options.delayed_name_removal, times->start_ms,
            times->from_ms, times->to_ms, times->end_ms);
    write_text(newest->to, c->rules.p, c->rules.n);
    fprintf(newest->to, " %zu", data->nseries);
    for (size_t i = 0; i < data->nseries; i++)
        write_series(newest->to, &data->series[i]);
    read_answer(newest, arena, out);
}

void newest_json(struct newest *newest, const struct expr_case *c, struct arena *arena,
                 struct str *out)
{
    struct newest_answer answer;
    write_case(newest->to, "json", c);
    read_answer(newest, arena, &answer);
    *out = answer.code == AMPQL_OK ? answer.print : answer.message;
}

void newest_parse(struct newest *newest, struct str text, bool experimental, struct arena *arena,
                  struct newest_answer *out)
{
    fprintf(newest->to, "parse %d", experimental);
    write_text(newest->to, text.p, text.n);
    read_answer(newest, arena, out);
}
