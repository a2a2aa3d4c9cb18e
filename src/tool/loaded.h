/* The series that a script has loaded since it was last cleared. */
#ifndef AMPQL_SRC_TOOL_LOADED_H
#define AMPQL_SRC_TOOL_LOADED_H

#include "base/array.h"
#include "base/index.h"
#include "tool/evaluator.h"
#include "tool/script.h"

struct loaded_series {
    const struct ampql_label *labels; /* [nlabels], sorted by name */
    size_t nlabels;
    struct {
        ARRAY(int64_t);
    } t;
    struct {
        ARRAY(double);
    } v;                                  /* as many */
    bool has_histograms, has_start_times; /* and so more than t and v hold */
    size_t load, nbefore; /* the last load that set it, and how many samples it had before */
};

/* Start from loaded_init; everything lives in the arena until loaded_clear or loaded_done. */
struct loaded {
    struct arena arena;
    struct index index;
    struct {
        ARRAY(struct loaded_series);
    } series;
    size_t nloads;
};

void loaded_init(struct loaded *loaded, const struct ampql_allocator *alc);
void loaded_done(struct loaded *loaded);
void loaded_clear(struct loaded *loaded);

/* Add what a load command says. A series that it names twice is as its last line says; one that was
 * loaded before goes on after its last sample, which may be repeated as it is.
 *   err  AMPQL_BAD_DATA "FILE:LINE:COLUMN: ..."; AMPQL_NOMEM */
enum ampql_code loaded_add(struct loaded *loaded, const struct script_command *load,
                           const char *file, struct ampql_error *err);

/* All of it for an evaluator: [loaded->series.n] in the arena. NULL: no memory. */
struct test_series *loaded_view(struct loaded *loaded);

#endif
