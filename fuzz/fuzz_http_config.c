/* Any bytes as promtool's --http.config.file: refused with a place in the file, or a config with at
 * most one way to authenticate and one place for its secret. */
#include "source/http_config.h"

#include "base/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_config(const struct http_config *c)
{
    const struct auth_options *a = &c->auth;
    bool has_secret = a->secret.n || a->secret_file.n, has_key = a->access_key_id.n;
    if ((a->secret.n && a->secret_file.n) || has_key != (a->secret_access_key.n != 0) ||
        (c->key_file && !c->cert_file))
        abort();
    if ((has_secret && a->kind != AUTH_BASIC && a->kind != AUTH_AUTHORIZATION) ||
        (a->kind == AUTH_AUTHORIZATION && !has_secret) || (has_key && a->kind != AUTH_SIGV4))
        abort();
    for (size_t i = 0; i < a->nheaders; i++)
        if (!a->headers[i].is_secret)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct http_config config;
    struct ampql_error err = {0};
    unsigned long line, column;
    int used = 0;
    arena_init(&arena, &alloc_default);
    enum ampql_code code =
        http_config_read(STR("d/f"), str_make((const char *)data, size), &arena, &config, &err);
    if (code == AMPQL_OK)
        check_config(&config);
    else if ((code != AMPQL_BAD_DATA && code != AMPQL_UNSUPPORTED) || err.code != code ||
             sscanf(err.message, "d/f:%lu:%lu: %n", &line, &column, &used) != 2 || used == 0 ||
             line == 0 || column == 0 || !err.message[used])
        abort();
    arena_done(&arena);
    return 0;
}
