/* Names of AMP workspaces, checked before they go into a host's name or a path. */
#include "source/amp.h"

static bool is_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-')
            return false;
    }
    return true;
}

/* region := letters ("-" letters)+ "-" digits, such as us-gov-west-1 */
static bool is_region(struct str s)
{
    size_t ndashes = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool is_letter = s.p[i] >= 'a' && s.p[i] <= 'z', is_digit = s.p[i] >= '0' && s.p[i] <= '9';
        if (s.p[i] == '-') {
            if (i == 0 || s.p[i - 1] == '-')
                return false;
            ndashes++;
        } else if (!is_letter && !is_digit) {
            return false;
        }
    }
    return ndashes >= 2 && s.n <= 32 && s.p[s.n - 1] >= '0' && s.p[s.n - 1] <= '9';
}

enum ampql_code amp_url(struct arena *arena, struct str workspace, struct str region,
                        struct str endpoint, struct str *out, struct ampql_error *err)
{
    if (!str_has_prefix(workspace, STR("ws-")) || workspace.n < 4 || workspace.n > 128 ||
        !is_id(workspace))
        return fail_quote(err, AMPQL_BAD_DATA,
                          "not the id of a workspace, expected amp:WORKSPACE@REGION such as "
                          "amp:ws-12345678-abcd-1234-abcd-123456789012@eu-west-1",
                          workspace);
    if (!is_region(region))
        return fail_quote(err, AMPQL_BAD_DATA,
                          "not a region, expected amp:WORKSPACE@REGION with a region such as "
                          "eu-west-1",
                          region);
    bool is_china = str_has_prefix(region, STR("cn-"));
    struct str parts[] = {STR("https://aps-workspaces."), region,
                          is_china ? STR(".amazonaws.com.cn") : STR(".amazonaws.com"),
                          STR("/workspaces/"), workspace};
    if (endpoint.n) {
        while (endpoint.n && endpoint.p[endpoint.n - 1] == '/')
            endpoint.n--;
        parts[0] = endpoint;
        parts[1] = parts[2] = STR("");
    }
    size_t n = 0, nparts = sizeof parts / sizeof *parts;
    for (size_t i = 0; i < nparts; i++)
        n += parts[i].n;
    char *text = arena_alloc(arena, n + 1, 1);
    if (!text)
        return fail_nomem(err, "a workspace's URL");
    *out = str_make(text, n);
    for (size_t i = 0; i < nparts; i++) {
        if (parts[i].n)
            memcpy(text, parts[i].p, parts[i].n);
        text += parts[i].n;
    }
    *text = '\0';
    return AMPQL_OK;
}

struct str amp_region_of(struct str url)
{
    static const char *const fronts[] = {"https://aps-workspaces.", "https://aps-workspaces-fips."};
    for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++) {
        struct str front = str_of(fronts[i]);
        if (!str_has_prefix(url, front))
            continue;
        struct str rest = str_from(url, front.n);
        const char *dot = memchr(rest.p, '.', rest.n);
        struct str region = str_make(rest.p, dot ? (size_t)(dot - rest.p) : 0);
        struct str host = str_from(rest, region.n);
        if (region.n && is_region(region) &&
            (str_has_prefix(host, STR(".amazonaws.com/")) ||
             str_has_prefix(host, STR(".amazonaws.com.cn/")) ||
             str_has_prefix(host, STR(".api.aws/")) || str_equal(host, STR(".amazonaws.com")) ||
             str_equal(host, STR(".amazonaws.com.cn")) || str_equal(host, STR(".api.aws"))))
            return region;
    }
    return STR("");
}
