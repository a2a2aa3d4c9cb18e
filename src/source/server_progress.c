/* How far reading from a server has come, told about ten times a second. */
#include "source/server_state.h"

enum { REPORT_EVERY_MS = 100 };

static int64_t clock_of(const struct server *server)
{
    return server->transport.monotonic(server->transport.payload);
}

/* Parts that a job still has to be answered, those that are not made yet among them. */
static uint64_t windows_left(const struct server *server, const struct job *job)
{
    uint64_t n = 0;
    struct ampql_select rest = job->select;
    for (const struct part *part = job->first; part; part = part->next)
        n += part->state != PART_DONE;
    if (!wire_has_part(&job->select, job->at))
        return n;
    if (rest.kind == AMPQL_SELECT_RAW)
        rest.mint_ms = job->at;
    else
        rest.start_ms = job->at;
    return n + wire_count(&rest, &server->wire, job->chunk_ms);
}

void server_report(struct server *server)
{
    if (!server->options.progress)
        return;
    int64_t now = clock_of(server);
    struct ampql_progress progress = {.size = sizeof progress,
                                      .windows_done = server->windows_done,
                                      .windows = server->windows_done,
                                      .samples = server->samples,
                                      .bytes = server->stats.bytes,
                                      .requests = server->stats.requests,
                                      .retries = server->stats.retries,
                                      .billed_samples = server->stats.billed_samples,
                                      .elapsed_ms = now - server->opened_ms};
    for (const struct job *job = server->jobs; job; job = job->next) {
        progress.windows += windows_left(server, job);
        for (const struct part *part = job->first; part; part = part->next)
            if (part->state == PART_FLYING)
                progress.bytes += server->transport.bytes(part->transfer);
    }
    if (server->retry_at_ms > now)
        progress.waiting_ms = server->retry_at_ms - now;
    server->reported_ms = now;
    server->options.progress(server->options.progress_payload, &progress);
}

enum ampql_code server_poll(void *payload, struct ampql_error *err)
{
    struct server *server = payload;
    if (server->options.progress && clock_of(server) - server->reported_ms >= REPORT_EVERY_MS)
        server_report(server);
    return server->poll ? server->poll(server->poll_payload, err) : AMPQL_OK;
}
