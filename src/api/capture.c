/* The public functions of capture.h: arguments are checked here, the work is the source layer's. */
#include <ampql/capture.h>

#include "base/options.h"
#include "engine/engine.h"
#include "source/capture_record.h"
#include "source/capture_source.h"

_Static_assert((int)AMPQL_CONTENT_ID_BYTES == (int)SHA256_BYTES, "a content id is a SHA-256");

enum ampql_code ampql_source_capture(struct ampql_engine *engine, const char *path,
                                     const struct ampql_capture_options *options,
                                     struct ampql_source **out, struct ampql_error *err)
{
    struct ampql_capture_options read;
    OPTIONS_READ(read, options);
    return source_capture_open(&engine->alc, path, read.allow_partial, out, err);
}

enum ampql_code ampql_source_record(struct ampql_engine *engine, struct ampql_source *inner,
                                    const char *path, const struct ampql_record_options *options,
                                    struct ampql_source **out, struct ampql_error *err)
{
    struct ampql_record_options read;
    OPTIONS_READ(read, options);
    struct record_options record = {
        .name = str_of(read.name ? read.name : ""), .extends = read.append, .now_ms = read.now_ms};
    return source_record_open(&engine->alc, inner, path, &record, out, err);
}

enum ampql_code ampql_record_finish(struct ampql_source *source, uint8_t *content_id,
                                    struct ampql_error *err)
{
    if (!source_is_record(source))
        return fail(err, AMPQL_UNSUPPORTED, "the source does not record");
    return source_record_finish(source, content_id, err);
}

void ampql_record_discard(struct ampql_source *source)
{
    if (source_is_record(source))
        source_record_discard(source);
}
