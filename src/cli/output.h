/* Standard output: data only. Remembers the first failure, so that writers check once, at the end.
 *
 * On a terminal, what could drive it (control bytes in label values) is escaped on the way. */
#ifndef AMPQL_SRC_CLI_OUTPUT_H
#define AMPQL_SRC_CLI_OUTPUT_H

#include "base/str.h"

#include <stdio.h>

struct output {
    FILE *file;
    bool is_tty;
    int error; /* errno of the first failure; 0: none */
    char
        cut[4]; /* [ncut] the beginning of a UTF-8 character whose rest comes with the next piece */
    size_t ncut;
};

void output_init(struct output *out, FILE *file, bool is_tty);

void output_bytes(struct output *out, const char *data, size_t size);
void output_str(struct output *out, struct str s);
void output_text(struct output *out, const char *text);
void output_byte(struct output *out, char c);

/* The same as an ampql_write, payload a struct output. */
int output_write(void *payload, const char *data, size_t size);

/* Flush and close; false when anything was not written: out->error says why. */
bool output_close(struct output *out);

#endif
