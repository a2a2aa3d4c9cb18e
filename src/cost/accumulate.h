/* Windows longer than one computation may be: pieces added up by name. */
#ifndef AMPQL_SRC_COST_ACCUMULATE_H
#define AMPQL_SRC_COST_ACCUMULATE_H

#include "base/index.h"
#include "cost/model.h"

/* What several pieces have under one name. */
struct piece_item {
    struct sum sum;
    struct label_list labels, annotations;
    struct {
        ARRAY(struct ampql_string);
    } services;
    double cpu_max, ram_max; /* the largest usage of any piece */
};

/* Warnings of one kind, and of how many pieces they are. */
struct piece_warning {
    struct cost_warning first;
    size_t npieces;
    int64_t first_ms; /* when the first of them starts */
    bool differs;     /* not all are as the first */
};

struct pieces {
    struct cost_set *set; /* the whole, whose all strings are */
    struct arena work;
    struct index index; /* of items, by name */
    struct {
        ARRAY(struct piece_item);
    } items;
    struct {
        ARRAY(struct piece_warning);
    } warnings;
    size_t n; /* added so far */
};

void pieces_init(struct pieces *pieces, struct cost_set *set);
void pieces_done(struct pieces *pieces);

/* Add what was computed of the next piece. err  AMPQL_NOMEM */
enum ampql_code pieces_add(struct pieces *pieces, const struct cost_set *piece,
                           struct ampql_error *err);

/* The same without its allocations: warnings, coverage, and what it cost to ask. err  AMPQL_NOMEM
 */
enum ampql_code pieces_note(struct pieces *pieces, const struct cost_set *piece,
                            struct ampql_error *err);

/* Put items and warnings of all pieces into the whole set. err  AMPQL_NOMEM */
enum ampql_code pieces_end(struct pieces *pieces, struct ampql_error *err);

#endif
