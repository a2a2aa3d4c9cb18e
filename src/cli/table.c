/* Aligned columns. */
#include "cli/table.h"

#include "cli/escape.h"

enum { CELL_MAX = 1 << 20 };

void table_init(struct table *table, struct arena *arena, size_t ncolumns)
{
    *table = (struct table){.arena = arena, .ncolumns = ncolumns};
    table->columns = arena_zeroed(arena, ncolumns, sizeof *table->columns);
    table->failed = !table->columns;
}

/* s as it will be printed, in the arena. */
static struct str printable(struct table *table, struct str s)
{
    struct buf buf;
    buf_init(&buf, table->arena->alc, CELL_MAX);
    escape_str(&buf, s);
    struct str copy = {"", 0};
    if (buf.n)
        copy = arena_copy(table->arena, buf_view(&buf));
    table->failed |= buf.failed != AMPQL_OK || !copy.p;
    buf_done(&buf);
    return copy;
}

static void widen(struct table *table, size_t column, struct str s)
{
    size_t width = escape_width(s);
    if (width > table->columns[column].width)
        table->columns[column].width = width;
}

void table_head(struct table *table, size_t column, struct str head, bool is_right)
{
    if (table->failed)
        return;
    table->columns[column].head = printable(table, head);
    table->columns[column].is_right = is_right;
    table->has_head = true;
    widen(table, column, table->columns[column].head);
}

void table_cell(struct table *table, struct str text)
{
    if (table->failed)
        return;
    struct str cell = printable(table, text);
    size_t column = table->cells.n % table->ncolumns;
    if (table->failed || !array_push(&table->cells, table->arena, cell)) {
        table->failed = true;
        return;
    }
    widen(table, column, cell);
}

void table_text(struct table *table, const char *text)
{
    table_cell(table, str_of(text));
}

static void pad(struct output *out, size_t n, char c)
{
    for (size_t i = 0; i < n; i++)
        output_byte(out, c);
}

static void print_cell(const struct table *table, struct output *out, size_t column, struct str s)
{
    const struct column *c = &table->columns[column];
    size_t blank = c->width - escape_width(s);
    if (c->is_right)
        pad(out, blank, ' ');
    output_str(out, s);
    if (column + 1 == table->ncolumns) {
        output_byte(out, '\n');
        return;
    }
    pad(out, (c->is_right ? 0 : blank) + 2, ' ');
}

static void print_line(const struct table *table, struct output *out)
{
    size_t width = table->ncolumns ? (table->ncolumns - 1) * 2 : 0;
    for (size_t c = 0; c < table->ncolumns; c++)
        width += table->columns[c].width;
    pad(out, width, '-');
    output_byte(out, '\n');
}

bool table_print(const struct table *table, struct output *out)
{
    if (table->failed)
        return false;
    size_t nrows = table->cells.n / table->ncolumns;
    for (size_t c = 0; table->has_head && c < table->ncolumns; c++)
        print_cell(table, out, c, table->columns[c].head);
    for (size_t r = 0; r < nrows; r++) {
        if (table->nrows_total && r + table->nrows_total == nrows)
            print_line(table, out);
        for (size_t c = 0; c < table->ncolumns; c++)
            print_cell(table, out, c, table->cells.at[r * table->ncolumns + c]);
    }
    return true;
}
