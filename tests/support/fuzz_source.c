/* Reading the same bytes twice, whole and cut. */
#include "support/fuzz_source.h"

#include <stdlib.h>

enum { LAST_WINS = 1 };

static enum ampql_code read_once(struct collect *c, const uint8_t *data, size_t size,
                                 size_t piece_bytes, unsigned flags, fuzz_read *read,
                                 struct ampql_error *err)
{
    struct bytes bytes = {(const char *)data, size, 0};
    struct input input;
    struct store store;
    if (store_init(&store, &alloc_default, flags & LAST_WINS, err) != AMPQL_OK ||
        input_init(&input, &alloc_default, "in", bytes_read, &bytes, 1 << 22, err) != AMPQL_OK)
        abort();
    input.piece_bytes = piece_bytes;
    enum ampql_code code = read(&input, &store, flags >> 1 & 1, err);
    if (code == AMPQL_OK)
        code = store_seal(&store, err);
    if (code == AMPQL_OK && !collect_store(c, &store))
        abort();
    input_done(&input);
    store_done(&store);
    if (code != AMPQL_OK && (err->code != code || err->message[0] == '\0'))
        abort();
    return code;
}

void fuzz_source(const uint8_t *data, size_t size, fuzz_read *read)
{
    if (size == 0)
        return;
    struct collect whole, cut;
    struct ampql_error whole_err = {0}, cut_err = {0};
    collect_init(&whole, &alloc_default, false);
    collect_init(&cut, &alloc_default, false);
    unsigned flags = data[0] & 3;
    size_t piece_bytes = (data[0] >> 2) + 1;
    enum ampql_code a = read_once(&whole, data + 1, size - 1, INPUT_PIECE, flags, read, &whole_err);
    enum ampql_code b = read_once(&cut, data + 1, size - 1, piece_bytes, flags, read, &cut_err);
    if (a != b || strcmp(whole_err.message, cut_err.message) != 0 || whole.text.n != cut.text.n ||
        (whole.text.n && memcmp(whole.text.p, cut.text.p, whole.text.n) != 0))
        abort();
    collect_done(&whole);
    collect_done(&cut);
}
