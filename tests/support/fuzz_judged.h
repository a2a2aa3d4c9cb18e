/* The frame of fuzz targets whose bytes become a case for the engine and the reference. */
#ifndef AMPQL_TESTS_FUZZ_JUDGED_H
#define AMPQL_TESTS_FUZZ_JUDGED_H

#include "support/same.h"

/* What lives for one input, but for the judge and the names, which stay. */
struct fuzz_judged {
    const uint8_t *data; /* [size] */
    size_t size;
    struct judge *judge;
    const struct expr_names *names;
    struct arena arena;
    struct buf why;
};

/* Make the case and judge it; one that is told apart is printed into why, after the reason. */
typedef enum verdict fuzz_judge(struct fuzz_judged *input);

/* Returns 0; a case that is told apart is printed and aborts. */
int fuzz_judged(const uint8_t *data, size_t size, fuzz_judge *judge_input);

#endif
