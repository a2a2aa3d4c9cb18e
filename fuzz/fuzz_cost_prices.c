/* Any bytes as a price file: refused with a message and its place, and nothing changed; or prices
 * and discounts that a bill takes. */
#include "cost/prices.h"
#include "cost/queries.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ampql_cost_options options = {.size = sizeof options, .end_ms = 3600000};
    struct ampql_prices prices = {.cpu = -1};
    struct ampql_error err = {0};
    struct params params;
    struct arena arena;
    arena_init(&arena, &alloc_default);
    enum ampql_code code =
        prices_read(str_make((const char *)data, size), &arena, &options, &prices, &err);
    if (code == AMPQL_OK) {
        if (params_make(&options, &params, NULL) != AMPQL_OK)
            abort();
    } else if (err.code != code || err.message[0] == '\0' || err.end > size ||
               err.start > err.end || prices.cpu != -1 || options.prices) {
        abort();
    }
    arena_done(&arena);
    return 0;
}
