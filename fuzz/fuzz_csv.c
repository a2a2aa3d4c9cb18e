/* Any bytes as CSV: refused with a message, or a store whose series are in order, unique and
 * ascending, however the bytes are cut into pieces. */
#include "support/fuzz_source.h"

#include "source/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum ampql_code read_input(struct input *input, struct store *store, unsigned flag,
                                  struct ampql_error *err)
{
    (void)flag;
    bool has_ends;
    return csv_read(input, store, &has_ends, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_source(data, size, read_input);
    return 0;
}
