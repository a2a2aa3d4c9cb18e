/* Edit distance with swaps of neighbours (optimal string alignment), for short words. */
#include "tool/suggest.h"

enum { WORD_MAX = 48 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

static size_t edit_distance(struct str a, struct str b)
{
    size_t row[3][WORD_MAX + 1]; /* the row before the last, the last, this one; used in turn */
    for (size_t j = 0; j <= b.n; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t change = last[j - 1] + (a.p[i - 1] != b.p[j - 1]);
            now[j] = min3(last[j] + 1, now[j - 1] + 1, change);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
                before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
    }
    return row[a.n % 3][b.n];
}

void suggest_try(struct suggest *suggest, const char *candidate)
{
    struct str other = str_of(candidate);
    if (suggest->word.n == 0 || suggest->word.n > WORD_MAX || other.n > WORD_MAX)
        return;
    size_t allowed = suggest->word.n < 5 ? 1 : 2;
    size_t distance = edit_distance(suggest->word, other);
    if (distance > allowed) {
        if (suggest->word.n < 3 || !str_has_prefix(other, suggest->word))
            return;
        distance = allowed + 1; /* an abbreviation: worse than any slip */
    }
    if (!suggest->best || distance < suggest->distance) {
        suggest->best = candidate;
        suggest->distance = distance;
    }
}
