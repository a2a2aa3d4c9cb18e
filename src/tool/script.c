/* The test language's commands and blocks. */
#include "tool/script.h"

#include "base/array.h"
#include "base/number.h"
#include "base/regex.h"
#include "series/label_set.h"
#include "tool/compare.h"
#include "tool/script_line.h"

struct reader {
    struct script_place place;
    struct str rest; /* of the script, after the current line */
    struct {
        ARRAY(struct script_command);
    } commands;
    enum ampql_dialect dialect;
    enum name_removal name_removal;
    bool is_exact;
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

/* `# dialect: prom2`, `# name removal: immediate`, `# values: exact`; any other comment is one. */
static void note_comment(struct reader *r, struct str comment)
{
    struct str rest = str_from(comment, 1), first = take_word(&rest), word = take_word(&rest);
    if (str_equal(first, STR("dialect:"))) {
        if (str_equal(word, STR("prom2")))
            r->dialect = AMPQL_PROM2;
        else if (str_equal(word, STR("prom3")))
            r->dialect = AMPQL_PROM3;
    } else if (str_equal(first, STR("values:"))) {
        r->is_exact = str_equal(word, STR("exact"));
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
    r->place.text = str_make(r->rest.p, n);
    *line = str_trim(r->place.text);
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

/* load := ("load" | "load_with_nhcb") interval { [start times] series } */
static enum ampql_code read_load(struct reader *r, struct str line, struct script_command *command)
{
    struct str word = take_word(&line);
    struct series_list list = {0};
    struct script_series series, times = {0};
    bool has_times = false;
    command->converts_histograms = str_equal(word, STR("load_with_nhcb"));
    if (!command->converts_histograms && !str_equal(word, STR("load")))
        return script_fail(&r->place, "expected load or load_with_nhcb", word);
    struct str interval = take_word(&line);
    TRY(parse_time(&r->place, interval, &command->interval_ms));
    if (command->interval_ms <= 0)
        return script_fail(&r->place, "load needs an interval above 0", interval);
    if (line.n > 0)
        return script_fail(&r->place, "unexpected after the interval", line);
    while (next_in_block(r, &line)) {
        if (is_start_times(line)) {
            if (has_times)
                return script_fail(&r->place, "start times after start times", line);
            TRY(parse_start_times(&r->place, line, &times));
            has_times = true;
            continue;
        }
        TRY(parse_series(&r->place, line, &series));
        if (has_times && series.nvalues != times.nvalues)
            return script_fail(&r->place, "not as many samples as start times before it", line);
        if (has_times &&
            label_sets_compare(series.labels, series.nlabels, times.labels, times.nlabels) != 0)
            return script_fail(&r->place, "not the series of the start times before it", line);
        series.has_start_times = has_times;
        has_times = false;
        if (!array_push(&list, r->place.arena, series))
            return no_memory(r);
    }
    if (has_times)
        return script_fail(&r->place, "start times without the samples' line after them", line);
    command->series = list.at;
    command->nseries = list.n;
    return AMPQL_OK;
}

/* Does the regex of an expectation compile? */
static enum ampql_code check_regex(const struct reader *r, struct str source)
{
    struct regex *regex = NULL;
    enum ampql_code code =
        regex_new(r->place.arena->alc, source, REGEX_DOT_NO_NEWLINE, &regex, NULL);
    regex_free(regex);
    if (code == AMPQL_NOMEM)
        return no_memory(r);
    return code == AMPQL_OK ? AMPQL_OK : script_fail(&r->place, "not a regular expression", source);
}

/* text := "" | "msg:" text | "regex:" text */
static enum ampql_code read_text(const struct reader *r, struct str rest, struct script_text *out)
{
    static const struct {
        const char *word;
        enum script_text_kind kind;
    } kinds[] = {{"msg:", SCRIPT_EXACT_TEXT}, {"regex:", SCRIPT_REGEX_TEXT}};
    *out = (struct script_text){SCRIPT_ANY_TEXT, rest};
    if (rest.n == 0)
        return AMPQL_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct str word = str_of(kinds[i].word);
        if (!str_has_prefix(rest, word))
            continue;
        *out = (struct script_text){kinds[i].kind, str_trim(str_from(rest, word.n))};
        if (out->text.n == 0)
            return script_fail(&r->place, "no text", rest);
        return out->kind == SCRIPT_REGEX_TEXT ? check_regex(r, out->text) : AMPQL_OK;
    }
    return script_fail(&r->place, "expected msg: TEXT or regex: REGEX", rest);
}

/* grid := "from" time "to" time "step" duration */
static enum ampql_code read_grid(struct reader *r, struct str *line, struct script_grid *out)
{
    static const char *const words[] = {"from", "to", "step"};
    int64_t *const times[] = {&out->start_ms, &out->end_ms, &out->step_ms};
    for (size_t i = 0; i < 3; i++) {
        struct str word = take_word(line);
        if (!str_equal(word, str_of(words[i])))
            return script_fail(&r->place, "expected from TIME to TIME step DURATION", word);
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
    bool is_old_fail; /* eval_fail, which has its own lines for messages */
    bool has_failure; /* an expect fail line */
};

/* What follows "expect string" or "expect range vector": not for range queries. */
static enum ampql_code read_shape(struct reader *r, struct str word, struct str rest,
                                  struct script_eval *eval)
{
    if (eval->grid.step_ms > 0)
        return script_fail(&r->place, "not a result of a range query", word);
    if (str_equal(word, STR("string"))) {
        eval->result = SCRIPT_STRING;
        return parse_string(&r->place, rest, &eval->string);
    }
    struct str vector = take_word(&rest);
    if (!str_equal(vector, STR("vector")))
        return script_fail(&r->place, "expected range vector", vector);
    eval->result = SCRIPT_RANGE_VECTOR;
    TRY(read_grid(r, &rest, &eval->window));
    if (rest.n > 0)
        return script_fail(&r->place, "unexpected after the step", rest);
    /* the window says when, too */
    eval->grid.start_ms = eval->grid.end_ms = eval->window.end_ms;
    return AMPQL_OK;
}

/* expect := "fail" [text] | ("warn" | "info") [text] | "ordered" | "no_warn" | "no_info"
 *           | "string" quoted | "range" "vector" grid */
static enum ampql_code read_expect(struct reader *r, struct str line, struct script_eval *eval,
                                   struct eval_lists *lists)
{
    struct str word = take_word(&line);
    struct script_text text = {0};
    bool *flag = str_equal(word, STR("ordered"))   ? &eval->is_ordered
                 : str_equal(word, STR("no_warn")) ? &eval->no_warnings
                 : str_equal(word, STR("no_info")) ? &eval->no_infos
                                                   : NULL;
    struct text_list *list = str_equal(word, STR("warn"))   ? &lists->warnings
                             : str_equal(word, STR("info")) ? &lists->infos
                                                            : NULL;
    bool is_fail = str_equal(word, STR("fail"));
    if (flag || list || is_fail)
        TRY(read_text(r, line, &text));
    if (flag) {
        *flag = true;
    } else if (list) {
        if (!array_push(list, r->place.arena, text))
            return no_memory(r);
    } else if (is_fail) {
        if (lists->has_failure)
            return script_fail(&r->place, "fails only once", word);
        lists->has_failure = eval->fails = true;
        eval->failure = text;
    } else if (str_equal(word, STR("string")) || str_equal(word, STR("range"))) {
        return read_shape(r, word, line, eval);
    } else {
        return script_fail(&r->place, "nothing that one can expect", word);
    }
    if ((eval->no_warnings && lists->warnings.n > 0) || (eval->no_infos && lists->infos.n > 0))
        return script_fail(&r->place, "contradicts an expect line above", word);
    return AMPQL_OK;
}

/* The digit's value; 99: none. */
static int digit_of(char c)
{
    char lower = c | 0x20;
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

/* A number on its own is the scalar that is expected; whole ones also as Go writes other bases:
 * 0x1f, 0b11, 0o17, and 017 too. */
static bool is_scalar(struct str line, double *out)
{
    struct str digits = line;
    if (digits.n > 0 && (digits.p[0] == '-' || digits.p[0] == '+'))
        digits = str_from(digits, 1);
    if (digits.n < 2 || digits.p[0] != '0')
        return number_parse(line, out);
    char letter = digits.p[1] | 0x20;
    int base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    double v = 0;
    digits = str_from(digits, letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
    for (size_t i = 0; i < digits.n; i++) {
        if (digit_of(digits.p[i]) >= base)
            return number_parse(line, out); /* 0.5, 0x1p3 */
        v = v * base + digit_of(digits.p[i]);
    }
    *out = line.p[0] == '-' ? -v : v;
    return digits.n > 0;
}

/* One line under an eval: expect, a number, or a series. *ends: the block ends with it. */
static enum ampql_code read_expected(struct reader *r, struct str line, struct script_eval *eval,
                                     struct eval_lists *lists, bool *ends)
{
    struct str rest = line, word = take_word(&rest);
    if (str_equal(word, STR("expect")))
        return read_expect(r, rest, eval, lists);
    bool is_message = str_equal(word, STR("expected_fail_message"));
    if (lists->is_old_fail && (is_message || str_equal(word, STR("expected_fail_regexp")))) {
        eval->failure =
            (struct script_text){is_message ? SCRIPT_EXACT_TEXT : SCRIPT_REGEX_TEXT, rest};
        *ends = true;
        return is_message ? AMPQL_OK : check_regex(r, rest);
    }
    if (is_scalar(line, &eval->scalar)) {
        eval->result = SCRIPT_SCALAR;
        *ends = true;
        return AMPQL_OK;
    }
    struct script_series series;
    TRY(parse_series(&r->place, line, &series));
    if (eval->grid.step_ms == 0 && eval->result == SCRIPT_SERIES && series.nvalues != 1)
        return script_fail(&r->place, "an instant query has one value a series", line);
    eval->has_histograms = eval->has_histograms || series.has_histograms;
    return array_push(&lists->series, r->place.arena, series) ? AMPQL_OK : no_memory(r);
}

/* "eval_fail" and the like, from before there were expect lines. */
static enum ampql_code read_old_suffix(struct reader *r, struct str word, struct script_eval *eval,
                                       struct eval_lists *lists)
{
    struct str suffix = str_from(word, 4);
    struct text_list *list = NULL;
    if (str_equal(suffix, STR("_fail")))
        lists->is_old_fail = eval->fails = true;
    else if (str_equal(suffix, STR("_ordered")))
        eval->is_ordered = true;
    else if (str_equal(suffix, STR("_warn")))
        list = &lists->warnings;
    else if (str_equal(suffix, STR("_info")))
        list = &lists->infos;
    else if (suffix.n > 0)
        return script_fail(&r->place, "unknown command", word);
    return !list || array_push(list, r->place.arena, (struct script_text){0}) ? AMPQL_OK
                                                                              : no_memory(r);
}

/* eval := "eval" ["_fail" | "_ordered" | "_warn" | "_info"]
 *         ("instant" "at" time | "range" grid) expr { expected } */
static enum ampql_code read_eval(struct reader *r, struct str line, struct script_eval *eval)
{
    struct eval_lists lists = {0};
    struct str word = take_word(&line);
    eval->is_exact = r->is_exact;
    TRY(read_old_suffix(r, word, eval, &lists));
    struct str shape = take_word(&line);
    if (str_equal(shape, STR("range"))) {
        if (eval->is_ordered)
            return script_fail(&r->place, "a range query has no order of its own", word);
        TRY(read_grid(r, &line, &eval->grid));
    } else if (str_equal(shape, STR("instant"))) {
        struct str at = take_word(&line);
        if (!str_equal(at, STR("at")))
            return script_fail(&r->place, "expected at TIME", at.n > 0 ? at : shape);
        TRY(parse_time(&r->place, take_word(&line), &eval->grid.start_ms));
        eval->grid.end_ms = eval->grid.start_ms;
    } else {
        return script_fail(&r->place, "expected instant or range", shape.n > 0 ? shape : word);
    }
    eval->text = line;
    eval->column = script_column(&r->place, line.p);
    if (line.n == 0)
        return script_fail(&r->place, "no expression", shape);
    for (bool ends = false; !ends && next_in_block(r, &line);)
        TRY(read_expected(r, line, eval, &lists, &ends));
    eval->series = lists.series.at;
    eval->nseries = lists.series.n;
    eval->warnings = (struct script_texts){lists.warnings.at, lists.warnings.n};
    eval->infos = (struct script_texts){lists.infos.at, lists.infos.n};
    return AMPQL_OK;
}

static bool is_clear(struct str word)
{
    static const char lower[] = "clear";
    bool is = word.n == sizeof lower - 1;
    for (size_t i = 0; is && i < word.n; i++)
        is = (word.p[i] | 0x20) == lower[i];
    return is;
}

static enum ampql_code read_command(struct reader *r, struct str line)
{
    struct script_command command = {.line = r->place.line};
    struct str rest = line, word = take_word(&rest);
    if (is_clear(word)) {
        command.kind = SCRIPT_CLEAR;
    } else if (str_has_prefix(word, STR("load"))) {
        command.kind = SCRIPT_LOAD;
        TRY(read_load(r, line, &command));
    } else if (str_has_prefix(word, STR("eval"))) {
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
