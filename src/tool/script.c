/* The test language's commands and blocks. */
#include "tool/script.h"

#include "base/array.h"
#include "base/number.h"
#include "tool/script_line.h"

struct reader {
    struct script_place place;
    struct str rest; /* of the script, after the current line */
    struct {
        ARRAY(struct script_command);
    } commands;
    enum ampql_dialect dialect;
    enum name_removal name_removal;
};

struct series_list {
    ARRAY(struct script_series);
};

struct text_list {
    ARRAY(struct script_text);
};

static enum ampql_code no_memory(const struct reader *r)
{
    return fail_nomem(r->place.err, "a test script");
}

/* `# dialect: prom2`, `# name removal: immediate`; any other comment is one. */
static void note_comment(struct reader *r, struct str comment)
{
    struct str rest = str_from(comment, 1), first = take_word(&rest), word = take_word(&rest);
    if (str_equal(first, STR("dialect:"))) {
        if (str_equal(word, STR("prom2")))
            r->dialect = AMPQL_PROM2;
        else if (str_equal(word, STR("prom3")))
            r->dialect = AMPQL_PROM3;
    } else if (str_equal(first, STR("name")) && str_equal(word, STR("removal:"))) {
        word = take_word(&rest);
        if (str_equal(word, STR("delayed")))
            r->name_removal = NAME_REMOVAL_DELAYED;
        else if (str_equal(word, STR("immediate")))
            r->name_removal = NAME_REMOVAL_IMMEDIATE;
    }
}

/* The next line, trimmed; a comment is an empty line. False at the end. */
static bool next_line(struct reader *r, struct str *line)
{
    if (r->rest.n == 0)
        return false;
    size_t n = 0;
    while (n < r->rest.n && r->rest.p[n] != '\n')
        n++;
    *line = str_trim(str_make(r->rest.p, n));
    r->rest = str_from(r->rest, n < r->rest.n ? n + 1 : n);
    r->place.line++;
    if (line->n > 0 && line->p[0] == '#') {
        note_comment(r, *line);
        line->n = 0;
    }
    return true;
}

/* The next line of a block, false at the blank line that ends it. */
static bool next_in_block(struct reader *r, struct str *line)
{
    return next_line(r, line) && line->n > 0;
}

/* load := "load" interval { series } */
static enum ampql_code read_load(struct reader *r, struct str line, struct script_command *command)
{
    struct str word = take_word(&line);
    struct series_list list = {0};
    command->converts_histograms = word.n != 4;
    TRY(parse_time(&r->place, take_word(&line), &command->interval_ms));
    if (command->interval_ms <= 0)
        return script_fail(&r->place, "load needs an interval above 0", word);
    if (line.n > 0)
        return script_fail(&r->place, "unexpected after the interval", line);
    while (next_in_block(r, &line)) {
        struct script_series series;
        TRY(parse_series(&r->place, line, &series));
        if (series.is_start_times)
            command->has_start_times = true;
        else if (!array_push(&list, r->place.arena, series))
            return no_memory(r);
    }
    command->series = list.at;
    command->nseries = list.n;
    return AMPQL_OK;
}

/* text := "" | "msg:" text | "regex:" text */
static struct script_text read_text(struct str rest)
{
    if (str_has_prefix(rest, STR("msg:")))
        return (struct script_text){SCRIPT_EXACT_TEXT, str_trim(str_from(rest, 4))};
    if (str_has_prefix(rest, STR("regex:")))
        return (struct script_text){SCRIPT_REGEX_TEXT, str_trim(str_from(rest, 6))};
    return (struct script_text){SCRIPT_ANY_TEXT, rest};
}

/* grid := "from" time "to" time "step" duration */
static enum ampql_code read_grid(struct reader *r, struct str *line, struct script_grid *out)
{
    static const char *const words[] = {"from", "to", "step"};
    int64_t *const times[] = {&out->start_ms, &out->end_ms, &out->step_ms};
    for (size_t i = 0; i < 3; i++) {
        if (!str_equal(take_word(line), str_of(words[i])))
            return script_fail(&r->place, "expected from TIME to TIME step DURATION", *line);
        TRY(parse_time(&r->place, take_word(line), times[i]));
    }
    if (out->step_ms <= 0 || out->end_ms < out->start_ms)
        return script_fail(&r->place,
                           "a range needs a step above 0 and an end not before its start", *line);
    return AMPQL_OK;
}

struct eval_lists {
    struct series_list series;
    struct text_list warnings, infos;
};

/* What follows "expect". */
static enum ampql_code read_expect(struct reader *r, struct str line, struct script_eval *eval,
                                   struct eval_lists *lists)
{
    struct str word = take_word(&line);
    bool is_pushed = true;
    if (str_equal(word, STR("fail"))) {
        eval->fails = true;
        eval->failure = read_text(line);
    } else if (str_equal(word, STR("ordered"))) {
        eval->is_ordered = true;
    } else if (str_equal(word, STR("warn"))) {
        is_pushed = array_push(&lists->warnings, r->place.arena, read_text(line));
    } else if (str_equal(word, STR("info"))) {
        is_pushed = array_push(&lists->infos, r->place.arena, read_text(line));
    } else if (str_equal(word, STR("no_warn"))) {
        eval->no_warnings = true;
    } else if (str_equal(word, STR("no_info"))) {
        eval->no_infos = true;
    } else if (str_equal(word, STR("string"))) {
        eval->result = SCRIPT_STRING;
        TRY(parse_string(&r->place, line, &eval->string));
    } else if (str_equal(word, STR("range")) && str_equal(take_word(&line), STR("vector"))) {
        eval->result = SCRIPT_RANGE_VECTOR;
        TRY(read_grid(r, &line, &eval->window));
    } else {
        return script_fail(&r->place, "nothing that one can expect", word);
    }
    return is_pushed ? AMPQL_OK : no_memory(r);
}

/* One line under an eval: expect, a number, or a series. */
static enum ampql_code read_expected(struct reader *r, struct str line, struct script_eval *eval,
                                     struct eval_lists *lists)
{
    struct str rest = line, word = take_word(&rest);
    if (str_equal(word, STR("expect")))
        return read_expect(r, rest, eval, lists);
    if (str_equal(word, STR("expected_fail_message"))) {
        eval->failure = (struct script_text){SCRIPT_EXACT_TEXT, rest};
        return AMPQL_OK;
    }
    if (str_equal(word, STR("expected_fail_regexp"))) {
        eval->failure = (struct script_text){SCRIPT_REGEX_TEXT, rest};
        return AMPQL_OK;
    }
    if (rest.n == 0 && number_parse(word, &eval->scalar)) {
        eval->result = SCRIPT_SCALAR;
        return AMPQL_OK;
    }
    struct script_series series;
    TRY(parse_series(&r->place, line, &series));
    if (eval->grid.step_ms == 0 && eval->result == SCRIPT_SERIES && series.nvalues != 1)
        return script_fail(&r->place, "an instant query has one value a series", line);
    eval->has_histograms = eval->has_histograms || series.has_histograms;
    return array_push(&lists->series, r->place.arena, series) ? AMPQL_OK : no_memory(r);
}

/* eval := "eval" ["_fail" | "_ordered" | "_warn" | "_info"]
 *         ("instant" ["at" time] | "range" grid) expr { expected } */
static enum ampql_code read_eval(struct reader *r, struct str line, struct script_eval *eval)
{
    struct eval_lists lists = {0};
    struct str word = take_word(&line), suffix = str_from(word, 4);
    bool is_pushed = true;
    if (str_equal(suffix, STR("_fail")))
        eval->fails = true;
    else if (str_equal(suffix, STR("_ordered")))
        eval->is_ordered = true;
    else if (str_equal(suffix, STR("_warn")))
        is_pushed = array_push(&lists.warnings, r->place.arena, (struct script_text){0});
    else if (str_equal(suffix, STR("_info")))
        is_pushed = array_push(&lists.infos, r->place.arena, (struct script_text){0});
    else if (suffix.n > 0)
        return script_fail(&r->place, "unknown command", word);
    if (!is_pushed)
        return no_memory(r);
    struct str shape = take_word(&line);
    if (str_equal(shape, STR("range"))) {
        TRY(read_grid(r, &line, &eval->grid));
    } else if (str_equal(shape, STR("instant"))) {
        struct str rest = line;
        if (str_equal(take_word(&rest), STR("at"))) {
            TRY(parse_time(&r->place, take_word(&rest), &eval->grid.start_ms));
            line = rest;
        }
        eval->grid.end_ms = eval->grid.start_ms;
    } else {
        return script_fail(&r->place, "expected instant or range", shape);
    }
    eval->text = line;
    if (line.n == 0)
        return script_fail(&r->place, "no expression", shape);
    while (next_in_block(r, &line))
        TRY(read_expected(r, line, eval, &lists));
    eval->series = lists.series.at;
    eval->nseries = lists.series.n;
    eval->warnings = (struct script_texts){lists.warnings.at, lists.warnings.n};
    eval->infos = (struct script_texts){lists.infos.at, lists.infos.n};
    return AMPQL_OK;
}

/* "Load" and "LOAD" are load: only the first word is looked at so. */
static bool starts_with(struct str line, const char *lower)
{
    for (size_t i = 0; lower[i]; i++)
        if (i >= line.n || (line.p[i] | 0x20) != lower[i])
            return false;
    return true;
}

static enum ampql_code read_command(struct reader *r, struct str line)
{
    struct script_command command = {.line = r->place.line};
    if (starts_with(line, "clear") && line.n == 5) {
        command.kind = SCRIPT_CLEAR;
    } else if (starts_with(line, "load")) {
        command.kind = SCRIPT_LOAD;
        TRY(read_load(r, line, &command));
    } else if (starts_with(line, "eval")) {
        command.kind = SCRIPT_EVAL;
        TRY(read_eval(r, line, &command.eval));
    } else {
        return script_fail(&r->place, "expected clear, load or eval", line);
    }
    return array_push(&r->commands, r->place.arena, command) ? AMPQL_OK : no_memory(r);
}

enum ampql_code script_parse(struct str text, const char *file, struct arena *arena,
                             struct script *out, struct ampql_error *err)
{
    struct reader r = {.place = {.file = file, .arena = arena, .err = err}, .rest = text};
    struct str line;
    while (next_line(&r, &line))
        if (line.n > 0)
            TRY(read_command(&r, line));
    *out = (struct script){r.commands.at, r.commands.n, r.dialect, r.name_removal};
    return AMPQL_OK;
}
