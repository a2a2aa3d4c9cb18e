/* The samples that a capture holds in all its windows, each series once, those of a metric one
 * after the other: for formats that do not know windows. They wait packed. */
#ifndef AMPQL_SRC_TOOL_UNITED_H
#define AMPQL_SRC_TOOL_UNITED_H

#include "source/capture.h"

struct united {
    struct hold hold;
    struct store_name *order; /* [norder] by metric name, then by place in label order */
    size_t norder;
    struct {
        ARRAY(struct ampql_label);
    } labels; /* of the series at hand */
};

/* Read the RAW selects of a capture.
 *   err  of capture_scan; AMPQL_BAD_DATA: two of them have different values of one series at one
 *        time; AMPQL_NOMEM. Then nothing is held */
enum ampql_code united_open(struct united *united, const struct ampql_allocator *alc,
                            struct capture *capture, struct ampql_error *err);
void united_done(struct united *united);

/* Takes a series; labels [nlabels] sorted by name, all of it views. */
typedef enum ampql_code united_visit(void *payload, const struct ampql_label *labels,
                                     size_t nlabels, const struct samples *samples,
                                     struct ampql_error *err);

/* Hand on each series.
 *   err  AMPQL_NOMEM; what visit returned */
enum ampql_code united_scan(struct united *united, united_visit *visit, void *payload,
                            struct ampql_error *err);

#endif
