/* Opening a path: what it is, and which reader takes it. */
#include "base/csv.h"
#include "base/options.h"
#include "source/capture_source.h"
#include "source/csv.h"
#include "source/dump.h"
#include "source/folder.h"
#include "source/memory.h"
#include "source/openmetrics.h"
#include "source/tsdb.h"

#include <sys/stat.h>

enum format {
    FORMAT_UNKNOWN,
    FORMAT_JSON,
    FORMAT_OPENMETRICS,
    FORMAT_TEXT,
    FORMAT_DUMP,
    FORMAT_CSV
};

/* ---- recognising */

static enum format format_of_name(struct str path)
{
    static const struct {
        const char *suffix;
        enum format format;
    } suffixes[] = {
        {".json", FORMAT_JSON}, {".om", FORMAT_OPENMETRICS}, {".prom", FORMAT_TEXT},
        {".txt", FORMAT_TEXT},  {".dump", FORMAT_DUMP},      {".csv", FORMAT_CSV},
    };
    if (str_has_suffix(path, STR(".gz")))
        path.n -= sizeof ".gz" - 1;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (str_has_suffix(path, str_of(suffixes[i].suffix)))
            return suffixes[i].format;
    return FORMAT_UNKNOWN;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct str without_blanks(struct str s)
{
    while (s.n && is_blank(*s.p))
        s = str_from(s, 1);
    return s;
}

/* What comes behind a quoted string; empty when it does not end here. */
static struct str behind_quotes(struct str s)
{
    for (s = str_from(s, 1); s.n && *s.p != '"'; s = str_from(s, 1))
        if (*s.p == '\\' && s.n > 1)
            s = str_from(s, 1);
    return without_blanks(s.n ? str_from(s, 1) : s);
}

/* A brace begins a JSON object, `{"key": ...`, or a line of a dump, `{__name__="m"...`, whose names
 * may be quoted, or which has no labels: `{} 1 1000`. */
static enum format format_of_brace(struct str s)
{
    s = without_blanks(str_from(s, 1));
    if (s.n && *s.p == '"') {
        s = behind_quotes(s);
        return s.n && *s.p != ':' ? FORMAT_DUMP : FORMAT_JSON;
    }
    if (s.n && *s.p == '}')
        return without_blanks(str_from(s, 1)).n ? FORMAT_DUMP : FORMAT_JSON;
    return s.n ? FORMAT_DUMP : FORMAT_JSON;
}

static enum format format_of_bytes(struct str s)
{
    s = without_blanks(s);
    if (s.n && *s.p == '{')
        return format_of_brace(s);
    if (str_has_prefix(s, STR(CSV_HEAD)))
        return FORMAT_CSV;
    return s.n && *s.p == '[' ? FORMAT_JSON : FORMAT_TEXT;
}

static enum ampql_code find_format(struct input *input, const char *path, enum format *out,
                                   struct ampql_error *err)
{
    *out = format_of_name(str_of(path));
    if (*out != FORMAT_UNKNOWN)
        return AMPQL_OK;
    struct str first;
    TRY(input_peek(input, &first, err));
    *out = format_of_bytes(first);
    return AMPQL_OK;
}

/* ---- opening */

/* A folder of Prometheus's, or of saved answers. */
static enum ampql_code open_folder(const struct ampql_allocator *alc, const char *path,
                                   const struct ampql_file_options *options,
                                   const struct selector_parser *parser, struct ampql_source **out,
                                   struct ampql_error *err)
{
    struct folder *folder = NULL;
    if (tsdb_is_folder(path))
        return source_tsdb_open(alc, path, options, out, err);
    TRY(folder_new(alc, path, options, &folder, err));
    enum ampql_code code = folder_open(folder, parser, err);
    if (code == AMPQL_OK)
        return folder_source(folder, out, err);
    folder_free(folder);
    return code;
}

static enum ampql_code read_answer(const struct ampql_allocator *alc, struct input *input,
                                   const struct ampql_file_options *options,
                                   struct ampql_source **out, struct ampql_error *err)
{
    struct folder *folder = NULL;
    TRY(folder_new(alc, input->name, options, &folder, err));
    enum ampql_code code = folder_take_answer(folder, input, options->as_raw, err);
    if (code == AMPQL_OK)
        return folder_source(folder, out, err);
    folder_free(folder);
    return code;
}

/* *has_ends: the file says where series have ended. */
static enum ampql_code fill_store(struct store *store, struct input *input, enum format format,
                                  const struct ampql_file_options *options, bool *has_ends,
                                  struct ampql_error *err)
{
    struct openmetrics_options text = {.needs_eof = format == FORMAT_OPENMETRICS,
                                       .skip_histograms = options->skip_histograms};
    *has_ends = false;
    if (format == FORMAT_DUMP)
        TRY(dump_read(input, store, options->skip_histograms, err));
    else if (format == FORMAT_CSV)
        TRY(csv_read(input, store, has_ends, err));
    else
        TRY(openmetrics_read(input, store, &text, err));
    enum ampql_code code = store_seal(store, err);
    return code == AMPQL_BAD_DATA ? input_name(input, code, err) : code;
}

static enum ampql_code read_samples(const struct ampql_allocator *alc, struct input *input,
                                    enum format format, const struct ampql_file_options *options,
                                    struct ampql_source **out, struct ampql_error *err)
{
    struct memory *memory = NULL;
    bool has_ends;
    TRY(memory_new(alc, options->last_wins, &memory, err));
    enum ampql_code code = fill_store(&memory->store, input, format, options, &has_ends, err);
    int64_t mark_after_ms = has_ends ? 0 : options->stale_after_ms;
    if (code == AMPQL_OK && mark_after_ms)
        code = store_mark_ends(&memory->store, mark_after_ms, err);
    if (code != AMPQL_OK) {
        memory_free(memory);
        return code;
    }
    TRY(memory_source(memory, !has_ends && !mark_after_ms, out, err));
    (*out)->marked_after_ms = mark_after_ms;
    return code;
}

enum ampql_code source_file_open(const struct ampql_allocator *alc, const char *path,
                                 const struct ampql_file_options *options,
                                 const struct selector_parser *parser, struct ampql_source **out,
                                 struct ampql_error *err)
{
    struct ampql_file_options o;
    OPTIONS_READ(o, options);
    if (o.stale_after_ms < 0)
        return fail(err, AMPQL_BAD_DATA, "stale_after_ms is negative");
    struct stat st;
    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return open_folder(alc, path, &o, parser, out, err);
    if (str_has_suffix(str_of(path), STR(".aqc")))
        return source_capture_open(alc, path, o.allow_partial, out, err);

    struct input input;
    enum format format;
    TRY(input_open(&input, alc, path, o.max_bytes, err));
    enum ampql_code code = find_format(&input, path, &format, err);
    if (code == AMPQL_OK)
        code = format == FORMAT_JSON ? read_answer(alc, &input, &o, out, err)
                                     : read_samples(alc, &input, format, &o, out, err);
    input_done(&input);
    if (code == AMPQL_OK)
        (*out)->is_static = true;
    return code;
}
