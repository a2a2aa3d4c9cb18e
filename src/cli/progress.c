/* The progress of fetching. */
#include "cli/progress.h"

#include <stdio.h>

enum {
    FIRST_MS = 1000, /* what is done by then needs no bar */
    JSON_EVERY_MS = 1000
};

/* 1234567 as "1.2M" */
static void put_count(double n, char *out, size_t size)
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    size_t unit = 0;
    while (n >= 1000 && unit + 1 < sizeof units / sizeof *units) {
        n /= 1000;
        unit++;
    }
    snprintf(out, size, unit ? "%.1f%s" : "%.0f%s", n, units[unit]);
}

void progress_line(const struct ampql_progress *p, char *out, size_t size)
{
    char samples[24], rest[64] = "", retries[48] = "";
    double seconds = p->elapsed_ms > 0 ? (double)p->elapsed_ms / 1000 : 0.001;
    put_count((double)p->samples / seconds, samples, sizeof samples);
    if (p->retries)
        snprintf(retries, sizeof retries, ", %llu retries", (unsigned long long)p->retries);
    if (p->waiting_ms > 0)
        snprintf(rest, sizeof rest, ", waiting %.1fs", (double)p->waiting_ms / 1000);
    else if (p->windows_done && p->windows > p->windows_done)
        snprintf(rest, sizeof rest, ", %.0fs left",
                 seconds * (double)(p->windows - p->windows_done) / (double)p->windows_done);
    snprintf(out, size, "%llu/%llu windows, %s samples/s, %.1f MB/s%s%s",
             (unsigned long long)p->windows_done, (unsigned long long)p->windows, samples,
             (double)p->bytes / 1e6 / seconds, retries, rest);
}

static void write_json(const struct ampql_progress *p)
{
    fprintf(stderr,
            "{\"progress\":{\"windows_done\":%llu,\"windows\":%llu,\"samples\":%llu,\"bytes\":%llu,"
            "\"requests\":%llu,\"retries\":%llu,\"billed_samples\":%llu,\"elapsed_ms\":%lld,"
            "\"waiting_ms\":%lld}}\n",
            (unsigned long long)p->windows_done, (unsigned long long)p->windows,
            (unsigned long long)p->samples, (unsigned long long)p->bytes,
            (unsigned long long)p->requests, (unsigned long long)p->retries,
            (unsigned long long)p->billed_samples, (long long)p->elapsed_ms,
            (long long)p->waiting_ms);
}

void progress_report(void *payload, const struct ampql_progress *p)
{
    struct progress *progress = payload;
    bool is_end = p->windows_done == p->windows;
    if (progress->mode == PROGRESS_NONE)
        return;
    if (progress->mode == PROGRESS_JSON) {
        if (is_end || p->elapsed_ms - progress->written_ms >= JSON_EVERY_MS) {
            progress->written_ms = p->elapsed_ms;
            write_json(p);
        }
        return;
    }
    if (!progress->is_tty)
        return;
    if (is_end) {
        if (progress->is_shown)
            fputs("\r\033[K", stderr);
        progress->is_shown = false;
    } else if (p->elapsed_ms >= FIRST_MS) {
        char line[160];
        progress_line(p, line, sizeof line);
        fprintf(stderr, "\r\033[K%s", line);
        progress->is_shown = true;
    }
    fflush(stderr);
}
