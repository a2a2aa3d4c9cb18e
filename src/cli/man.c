/* The manual page, as far as it follows from the tables. A flag that several commands have stands
 * there once, with what it means to which of them. */
#include "cli/man.h"

/* Text for roff: backslashes, hyphens and quotes are themselves, and no line is a request. */
static void text(struct output *out, const char *s)
{
    bool is_first = true;
    for (; *s; s++) {
        if (is_first && *s == '.')
            output_text(out, "\\&");
        if (*s == '\\')
            output_text(out, "\\e");
        else if (*s == '-')
            output_text(out, "\\-");
        else if (*s == '\'')
            output_text(out, "\\(aq");
        else if (*s == '`')
            output_text(out, "\\(ga");
        else
            output_byte(out, *s);
        is_first = *s == '\n';
    }
}

static void font(struct output *out, const char *name, const char *s)
{
    output_text(out, name);
    text(out, s);
    output_text(out, "\\fR");
}

/* ---- commands */

static void as_it_stands(struct output *out, const char *s)
{
    output_text(out, ".RS\n.PP\n.nf\n");
    text(out, s);
    output_text(out, ".fi\n.RE\n");
}

static void command_item(struct output *out, const struct command *command)
{
    output_text(out, ".TP\n\\fBampql ");
    text(out, command->name);
    output_text(out, "\\fR [\\fIFLAG\\fR...]");
    if (command->operands) {
        output_byte(out, ' ');
        text(out, command->operands);
    }
    output_byte(out, '\n');
    text(out, command->summary);
    output_text(out, ".\n");
    if (command->details)
        as_it_stands(out, command->details);
    as_it_stands(out, command->examples);
}

/* ---- flags: a place is a command and one of its flags */

struct place {
    size_t command, option;
};

static const struct option *at(struct place p)
{
    return &command_table[p.command]->options[p.option];
}

/* The next place of a flag of this name. */
static bool find(struct place *p, const char *name)
{
    for (; p->command < command_count; p->command++, p->option = 0)
        for (; p->option < command_table[p->command]->noptions; p->option++)
            if (strcmp(at(*p)->name, name) == 0)
                return true;
    return false;
}

/* The first name after this one, bytewise; NULL: there is none. */
static const char *next_name(const char *last)
{
    const char *best = NULL;
    for (size_t c = 0; c < command_count; c++)
        for (size_t i = 0; i < command_table[c]->noptions; i++) {
            const char *name = command_table[c]->options[i].name;
            if (strcmp(name, last) > 0 && (!best || strcmp(name, best) < 0))
                best = name;
        }
    return best;
}

static bool same_value(const struct option *a, const struct option *b)
{
    return a->value == b->value || (a->value && b->value && strcmp(a->value, b->value) == 0);
}

static bool means_the_same(const struct option *a, const struct option *b)
{
    return same_value(a, b) && strcmp(a->help, b->help) == 0;
}

static bool has_one_value(struct place first)
{
    struct place p = first;
    for (; find(&p, at(first)->name); p.option++)
        if (!same_value(at(p), at(first)))
            return false;
    return true;
}

static bool is_first_of_meaning(struct place place)
{
    struct place p = {0, 0};
    for (; find(&p, at(place)->name); p.option++) {
        if (p.command == place.command && p.option == place.option)
            return true;
        if (means_the_same(at(p), at(place)))
            return false;
    }
    return false;
}

/* "query, explain: ", or "most commands: ". */
static void who(struct output *out, struct place first)
{
    size_t n = 0;
    struct place p = first;
    for (; find(&p, at(first)->name); p.option++)
        n += means_the_same(at(p), at(first));
    if (n * 2 > command_count) {
        output_text(out, "most commands: ");
        return;
    }
    bool is_first = true;
    for (p = first; find(&p, at(first)->name); p.option++) {
        if (!means_the_same(at(p), at(first)))
            continue;
        output_text(out, is_first ? "" : ", ");
        text(out, command_table[p.command]->name);
        is_first = false;
    }
    output_text(out, ": ");
}

static void flag_item(struct output *out, const char *name)
{
    struct place p = {0, 0};
    find(&p, name);
    bool one = has_one_value(p);
    output_text(out, ".TP\n");
    if (at(p)->letter) {
        output_text(out, "\\fB\\-");
        output_byte(out, at(p)->letter);
        output_text(out, "\\fR, ");
    }
    output_text(out, "\\fB\\-\\-");
    text(out, name);
    output_text(out, "\\fR");
    if (at(p)->value && one) {
        output_byte(out, ' ');
        font(out, "\\fI", at(p)->value);
    }
    output_byte(out, '\n');
    for (bool is_first = true; find(&p, name); p.option++) {
        if (!is_first_of_meaning(p))
            continue;
        output_text(out, is_first ? "" : ".br\n");
        is_first = false;
        who(out, p);
        text(out, at(p)->help);
        if (at(p)->value && !one) {
            output_text(out, " (");
            font(out, "\\fI", at(p)->value);
            output_byte(out, ')');
        }
        output_text(out, ".\n");
    }
}

void man_write(struct output *out)
{
    output_text(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < command_count; i++)
        command_item(out, command_table[i]);
    output_text(out,
                ".SH OPTIONS\n"
                "Each flag may be given as \\fB\\-\\-flag value\\fR or \\fB\\-\\-flag=value\\fR; "
                "\\fB\\-\\-\\fR ends the flags.\nA flag that is not given takes the value of its "
                "environment variable, such as \\fBAMPQL_STALE_AFTER\\fR for "
                "\\fB\\-\\-stale\\-after\\fR.\n"
                ".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nall commands: examples and flags of the "
                "command.\n");
    for (const char *name = next_name(""); name; name = next_name(name))
        flag_item(out, name);
}
