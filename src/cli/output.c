/* Standard output. */
#include "cli/output.h"

#include "cli/escape.h"

#include <errno.h>

void output_init(struct output *out, FILE *file, bool is_tty)
{
    *out = (struct output){.file = file, .is_tty = is_tty};
}

static void put(struct output *out, const char *data, size_t size)
{
    if (out->error || size == 0)
        return;
    errno = 0;
    if (fwrite(data, 1, size, out->file) != size)
        out->error = errno ? errno : EIO;
}

/* One character of data [size] to the terminal; returns the bytes used up, 0 when it is cut. */
static size_t put_rune(struct output *out, const char *data, size_t size)
{
    char text[QUOTED_RUNE_MAX];
    size_t n = escape_rune(data, size, text);
    if (n == 0)
        return 0;
    if (text[0] && data[0] != '\n' && data[0] != '\t')
        put(out, text, strlen(text));
    else
        put(out, data, n);
    return n;
}

void output_bytes(struct output *out, const char *data, size_t size)
{
    if (!out->is_tty) {
        put(out, data, size);
        return;
    }
    size_t i = 0;
    while (out->ncut && i < size) {
        out->cut[out->ncut++] = data[i];
        size_t n = put_rune(out, out->cut, out->ncut);
        if (n == 0) {
            i++;
        } else if (n == out->ncut) {
            i++;
            out->ncut = 0;
        } else { /* the cut bytes were no character after all: look at this byte again */
            out->ncut -= n + 1;
            memmove(out->cut, out->cut + n, out->ncut);
        }
    }
    while (i < size) {
        size_t n = put_rune(out, data + i, size - i);
        if (n == 0) {
            out->ncut = size - i;
            memcpy(out->cut, data + i, out->ncut);
            return;
        }
        i += n;
    }
}

void output_str(struct output *out, struct str s)
{
    output_bytes(out, s.p, s.n);
}

void output_text(struct output *out, const char *text)
{
    output_bytes(out, text, strlen(text));
}

void output_byte(struct output *out, char c)
{
    output_bytes(out, &c, 1);
}

int output_write(void *payload, const char *data, size_t size)
{
    struct output *out = payload;
    output_bytes(out, data, size);
    return out->error;
}

bool output_close(struct output *out)
{
    if (out->ncut)
        put(out, "?", 1); /* data ended inside a character */
    if (!out->file)
        return out->error == 0;
    errno = 0;
    if (fflush(out->file) != 0 && !out->error)
        out->error = errno ? errno : EIO;
    if (fclose(out->file) != 0 && !out->error)
        out->error = errno ? errno : EIO;
    out->file = NULL;
    return out->error == 0;
}
