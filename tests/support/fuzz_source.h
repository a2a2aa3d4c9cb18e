/* What the fuzz targets of the file readers share. */
#ifndef AMPQL_TESTS_FUZZ_SOURCE_H
#define AMPQL_TESTS_FUZZ_SOURCE_H

#include "support/collect.h"

#include "source/input.h"

/* Reads an input into a store. */
typedef enum ampql_code fuzz_read(struct input *input, struct store *store, unsigned flags,
                                  struct ampql_error *err);

/* The first byte says how the rest is cut into pieces and which flags are set (the low two bits are
 * last_wins and a flag of the reader's). Aborts unless the bytes are refused with a message, or
 * give a store in order that does not depend on how they were cut. */
void fuzz_source(const uint8_t *data, size_t size, fuzz_read *read);

#endif
