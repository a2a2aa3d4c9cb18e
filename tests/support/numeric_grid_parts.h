/* What the files of the numeric grids share. */
#ifndef AMPQL_TESTS_NUMERIC_GRID_PARTS_H
#define AMPQL_TESTS_NUMERIC_GRID_PARTS_H

#include "base/array.h"
#include "support/numeric_grid.h"

struct list {
    ARRAY(double);
};

struct grid {
    void (*take)(const struct grid_case *c, void *payload);
    void *payload;
    struct arena arena; /* of a case */
    struct list values; /* malloc's: of functions of one value */
};

struct str grid_text(struct grid *g, const char *text);

/* A series NAME{LABEL="VALUE"}, without the label when it is NULL; samples [n] a second apart from
 * 0 on. */
void grid_add(struct grid *g, struct expr_case *c, const char *name, const char *label,
              struct str value, const double *v, size_t n);

/* A case over samples [n] of x, at their own times. */
struct expr_case grid_over(struct grid *g, const char *text, const double *v, size_t n);

/* Hand a case over; what it is made of is gone afterwards. */
void grid_finish(struct grid *g, const char *name, bool is_json, struct expr_case *c);

void grid_histograms(struct grid *g);
void grid_json(struct grid *g);

#endif
