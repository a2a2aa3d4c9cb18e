/* Aligned columns for people: cells are gathered, then printed as wide as the widest of a column.
 */
#ifndef AMPQL_SRC_CLI_TABLE_H
#define AMPQL_SRC_CLI_TABLE_H

#include "base/array.h"
#include "cli/output.h"

struct table {
    struct arena *arena;
    struct column {
        struct str head;
        bool is_right;
        size_t width;
    } * columns;
    size_t ncolumns;
    struct {
        ARRAY(struct str);
    } cells;            /* row by row */
    size_t nrows_total; /* the last rows, set apart by a line; 0: none */
    bool has_head;
    bool failed; /* memory ran out */
};

/* Everything lives in the arena. */
void table_init(struct table *table, struct arena *arena, size_t ncolumns);

/* The head of a column; a table without any head prints rows only. */
void table_head(struct table *table, size_t column, struct str head, bool is_right);

/* The next cell, left to right, row by row; escaped, copied. */
void table_cell(struct table *table, struct str text);
void table_text(struct table *table, const char *text);

/* Print head and rows; false when memory ran out on the way, and then nothing is printed. */
bool table_print(const struct table *table, struct output *out);

#endif
