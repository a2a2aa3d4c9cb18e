/* libyaml's events, with places counted in characters as its marks are, and in bytes. */
#include "base/yaml.h"

#include <stdarg.h>
#include <stdio.h>

/* Bytes of the UTF-8 character at `at`; a byte that begins none counts alone. */
static size_t char_bytes(struct str text, size_t at)
{
    unsigned char c = (unsigned char)text.p[at];
    size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return n <= text.n - at ? n : text.n - at;
}

/* libyaml counts characters from the start of the text. Counted on from the current event, so that
 * reading a file stays linear. */
static size_t byte_offset(const struct yaml *yaml, size_t characters)
{
    bool is_after = characters >= yaml->known_characters;
    size_t at = is_after ? yaml->known_bytes : 0;
    for (size_t n = is_after ? characters - yaml->known_characters : characters; n > 0; n--) {
        if (at >= yaml->text.n)
            break;
        at += char_bytes(yaml->text, at);
    }
    return at;
}

static struct yaml_place place_of_mark(const struct yaml *yaml, yaml_mark_t mark)
{
    return (struct yaml_place){mark.line + 1, mark.column + 1, byte_offset(yaml, mark.index)};
}

/* The place of a byte, counted from a place before it. CR LF, CR and LF end a line. */
static struct yaml_place place_of_byte(struct str text, struct yaml_place from, size_t offset)
{
    struct yaml_place place = from;
    while (place.offset < offset && place.offset < text.n) {
        char c = text.p[place.offset];
        bool is_crlf = c == '\r' && place.offset + 1 < text.n && text.p[place.offset + 1] == '\n';
        place.offset += char_bytes(text, place.offset);
        if (c == '\n' || (c == '\r' && !is_crlf)) {
            place.line++;
            place.column = 1;
        } else {
            place.column++;
        }
    }
    return place;
}

enum ampql_code yaml_fail(struct ampql_error *err, struct yaml_place place, size_t end,
                          const char *format, ...)
{
    char message[AMPQL_MESSAGE_MAX - 64];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return fail_at(err, AMPQL_BAD_DATA, place.offset, end > place.offset ? end : place.offset,
                   "line %zu, column %zu: %s", place.line, place.column, message);
}

enum ampql_code yaml_name(struct str name, enum ampql_code code, struct ampql_error *err)
{
    enum { NAME_MAX_SHOWN = 160 };
    unsigned long line, column;
    int used = 0;
    if (!err || code == AMPQL_OK || code == AMPQL_NOMEM)
        return code;
    struct ampql_error inner = *err;
    if (sscanf(inner.message, "line %lu, column %lu: %n", &line, &column, &used) != 2 || used == 0)
        return code;
    int shown = (int)(name.n < NAME_MAX_SHOWN ? name.n : NAME_MAX_SHOWN);
    return fail(err, code, "%.*s:%lu:%lu: %.320s", shown, name.p, line, column,
                inner.message + used);
}

enum ampql_code yaml_open(struct yaml *yaml, const char *document, struct str text,
                          struct ampql_error *err)
{
    *yaml = (struct yaml){.document = document, .text = text};
    if (!yaml_parser_initialize(&yaml->parser))
        return fail_nomem(err, "the YAML reader");
    /* Given, not guessed: a file that begins like UTF-16 is not for us. */
    yaml_parser_set_encoding(&yaml->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&yaml->parser, (const unsigned char *)text.p, text.n);
    return AMPQL_OK;
}

void yaml_close(struct yaml *yaml)
{
    yaml_event_delete(&yaml->event);
    yaml_parser_delete(&yaml->parser);
}

static enum ampql_code fail_reading(const struct yaml *yaml, struct ampql_error *err)
{
    const yaml_parser_t *parser = &yaml->parser;
    struct yaml_place start = {1, 1, 0};
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    switch (parser->error) {
    case YAML_MEMORY_ERROR:
        return fail_nomem(err, "reading YAML");
    case YAML_READER_ERROR:
        return yaml_fail(err, place_of_byte(yaml->text, start, parser->problem_offset), 0,
                         "not YAML: %s, expected UTF-8 text", problem);
    default:
        return yaml_fail(err, place_of_mark(yaml, parser->problem_mark), 0, "not YAML: %s%s%s",
                         parser->context ? parser->context : "", parser->context ? ", " : "",
                         problem);
    }
}

struct yaml_place yaml_here(const struct yaml *yaml)
{
    return place_of_mark(yaml, yaml->event.start_mark);
}

size_t yaml_here_end(const struct yaml *yaml)
{
    return byte_offset(yaml, yaml->event.end_mark.index);
}

static enum ampql_code refuse_named(const struct yaml *yaml, const char *what,
                                    const yaml_char_t *name, struct ampql_error *err)
{
    char quoted[320];
    if (yaml->hides_text) /* what looks like a name may be the beginning of a password */
        return yaml_fail(err, yaml_here(yaml), yaml_here_end(yaml),
                         "an %s, expected %s without aliases, anchors and tags; put a value that "
                         "begins with *, & or ! into quotes",
                         what[0] == 't' ? "explicit tag" : what, yaml->document);
    return yaml_fail(err, yaml_here(yaml), yaml_here_end(yaml),
                     "%s %s, expected %s without aliases, anchors and tags", what,
                     quote_clipped(quoted, sizeof quoted, str_of((const char *)name)),
                     yaml->document);
}

static enum ampql_code refuse_decorated(const struct yaml *yaml, struct ampql_error *err)
{
    const yaml_event_t *event = &yaml->event;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return refuse_named(yaml, "alias", event->data.alias.anchor, err);
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor)
        return refuse_named(yaml, "anchor", anchor, err);
    if (tag)
        return refuse_named(yaml, "tag", tag, err);
    return AMPQL_OK;
}

enum ampql_code yaml_next(struct yaml *yaml, struct ampql_error *err)
{
    yaml_event_delete(&yaml->event);
    if (!yaml_parser_parse(&yaml->parser, &yaml->event)) {
        yaml->event = (yaml_event_t){0};
        return fail_reading(yaml, err);
    }
    yaml->known_bytes = byte_offset(yaml, yaml->event.start_mark.index);
    yaml->known_characters = yaml->event.start_mark.index;
    switch (yaml->event.type) {
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        yaml->depth++;
        break;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        yaml->depth--;
        break;
    default:
        break;
    }
    return refuse_decorated(yaml, err);
}

/* The next event whatever it is; only what is no YAML fails. */
static enum ampql_code next_of_any(struct yaml *yaml, struct ampql_error *err)
{
    enum ampql_code code = yaml_next(yaml, err);
    return yaml_is_broken(yaml) ? code : AMPQL_OK;
}

enum ampql_code yaml_pass(struct yaml *yaml, size_t depth, bool value_too, struct ampql_error *err)
{
    if (yaml_is_broken(yaml))
        return fail_reading(yaml, err);
    for (int i = 0; i <= (int)value_too; i++) {
        if (i > 0)
            TRY(next_of_any(yaml, err));
        while (yaml->depth > depth)
            TRY(next_of_any(yaml, err));
    }
    return AMPQL_OK;
}

bool yaml_is_null(const struct yaml *yaml)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    if (yaml->event.type != YAML_SCALAR_EVENT ||
        yaml->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    struct str value = {(const char *)yaml->event.data.scalar.value,
                        yaml->event.data.scalar.length};
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (str_equal(value, str_of(nulls[i])))
            return true;
    return false;
}

enum ampql_code yaml_begin_document(struct yaml *yaml, bool *is_there, struct ampql_error *err)
{
    *is_there = false;
    TRY(yaml_next(yaml, err)); /* the stream's start */
    TRY(yaml_next(yaml, err));
    if (yaml->event.type == YAML_STREAM_END_EVENT)
        return AMPQL_OK;
    TRY(yaml_next(yaml, err)); /* the document's */
    *is_there = !yaml_is_null(yaml);
    return AMPQL_OK;
}

enum ampql_code yaml_end_document(struct yaml *yaml, struct ampql_error *err)
{
    if (yaml->event.type == YAML_STREAM_END_EVENT)
        return AMPQL_OK;
    TRY(yaml_next(yaml, err)); /* the document's end */
    TRY(yaml_next(yaml, err));
    return yaml->event.type == YAML_STREAM_END_EVENT
               ? AMPQL_OK
               : yaml_fail(err, yaml_here(yaml), yaml_here_end(yaml),
                           "a second document, expected one");
}

static const char *type_text(yaml_event_type_t type)
{
    switch (type) {
    case YAML_MAPPING_START_EVENT:
        return "a mapping";
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    case YAML_SCALAR_EVENT:
        return "a scalar";
    default:
        return "nothing";
    }
}

enum ampql_code yaml_begin(struct yaml *yaml, yaml_event_type_t type, const char *what,
                           struct ampql_error *err)
{
    if (yaml->event.type == type)
        return AMPQL_OK;
    return yaml_fail(err, yaml_here(yaml), yaml_here_end(yaml), "%s is %s, expected %s", what,
                     yaml_is_null(yaml) ? "empty" : type_text(yaml->event.type), type_text(type));
}

static enum ampql_code fail_unknown(const struct yaml *yaml, const char *what, struct str key,
                                    const char *const *names, struct ampql_error *err)
{
    char quoted[320], list[320];
    size_t n = 0;
    for (size_t i = 0; names[i] && n < sizeof list; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", names[i]);
    return yaml_fail(
        err, yaml_here(yaml), yaml_here_end(yaml), "unknown field %s in %s, expected %s%s",
        quote_clipped(quoted, sizeof quoted, key), what, names[1] ? "one of " : "", list);
}

enum ampql_code yaml_field(struct yaml *yaml, const char *what, const char *const *names,
                           unsigned *seen, int *field, struct ampql_error *err)
{
    *field = -1;
    TRY(yaml_next(yaml, err));
    if (yaml->event.type == YAML_MAPPING_END_EVENT)
        return AMPQL_OK;
    if (yaml->event.type != YAML_SCALAR_EVENT)
        return yaml_fail(err, yaml_here(yaml), yaml_here_end(yaml),
                         "%s as a field of %s, expected a name", type_text(yaml->event.type), what);

    struct str key = {(const char *)yaml->event.data.scalar.value, yaml->event.data.scalar.length};
    int i = 0;
    while (names[i] && !str_equal(key, str_of(names[i])))
        i++;
    if (!names[i])
        return fail_unknown(yaml, what, key, names, err);
    if (*seen >> i & 1)
        return yaml_fail(err, yaml_here(yaml), yaml_here_end(yaml),
                         "field \"%s\" of %s is there twice, expected it once", names[i], what);
    *seen |= 1U << i;
    *field = i;
    return yaml_next(yaml, err);
}

enum ampql_code yaml_key(struct yaml *yaml, struct arena *arena, const char *what,
                         struct yaml_scalar *key, bool *more, struct ampql_error *err)
{
    TRY(yaml_next(yaml, err));
    *more = yaml->event.type != YAML_MAPPING_END_EVENT;
    if (!*more)
        return AMPQL_OK;
    TRY(yaml_scalar(yaml, arena, what, key, err));
    return yaml_next(yaml, err);
}

enum ampql_code yaml_item(struct yaml *yaml, bool *more, struct ampql_error *err)
{
    TRY(yaml_next(yaml, err));
    *more = yaml->event.type != YAML_SEQUENCE_END_EVENT;
    return AMPQL_OK;
}

enum ampql_code yaml_scalar(struct yaml *yaml, struct arena *arena, const char *what,
                            struct yaml_scalar *out, struct ampql_error *err)
{
    TRY(yaml_begin(yaml, YAML_SCALAR_EVENT, what, err));
    const yaml_event_t *event = &yaml->event;
    *out = (struct yaml_scalar){
        .place = yaml_here(yaml),
        .end = yaml_here_end(yaml),
        .style = event->data.scalar.style,
        .is_null = yaml_is_null(yaml),
    };
    struct str value = {(const char *)event->data.scalar.value, event->data.scalar.length};
    out->value = arena_copy(arena, out->is_null ? STR("") : value);
    return out->value.p ? AMPQL_OK : fail_nomem(err, "a YAML scalar");
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where the content begins: after the quote, or after the header line of a block. */
static size_t content_start(struct str text, const struct yaml_scalar *scalar)
{
    size_t at = scalar->place.offset;
    switch (scalar->style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return at + 1;
    case YAML_LITERAL_SCALAR_STYLE:
    case YAML_FOLDED_SCALAR_STYLE:
        while (at < scalar->end && text.p[at] != '\n' && text.p[at] != '\r')
            at++;
        return at;
    default:
        return at;
    }
}

/* Bytes in the text of what stands for one byte of the value: an escape or a doubled quote is
 * longer. */
static size_t written_bytes(struct str text, const struct yaml_scalar *scalar, size_t at)
{
    if (scalar->style == YAML_SINGLE_QUOTED_SCALAR_STYLE && text.p[at] == '\'')
        return 2;
    if (scalar->style != YAML_DOUBLE_QUOTED_SCALAR_STYLE || text.p[at] != '\\')
        return 1;
    char c = at + 1 < text.n ? text.p[at + 1] : '\0';
    return c == 'x' ? 4 : c == 'u' ? 6 : c == 'U' ? 10 : 2;
}

struct yaml_place yaml_inside(struct str text, const struct yaml_scalar *scalar, size_t at)
{
    /* Folding and indentation change blanks only, so the other bytes are walked in step. */
    size_t p = content_start(text, scalar);
    for (size_t i = 0;; i++) {
        bool is_end = i >= scalar->value.n;
        bool wants_blank = !is_end && is_blank(scalar->value.p[i]);
        while (!wants_blank && !is_end && p < scalar->end && is_blank(text.p[p]))
            p++;
        if (i >= at || is_end || p >= scalar->end)
            break;
        p += written_bytes(text, scalar, p);
    }
    return place_of_byte(text, scalar->place, p < scalar->end ? p : scalar->end);
}
