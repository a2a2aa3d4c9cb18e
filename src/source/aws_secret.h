/* An allocator that overwrites every block before it gives it back, for what holds secrets. */
#ifndef AMPQL_SRC_SOURCE_AWS_SECRET_H
#define AMPQL_SRC_SOURCE_AWS_SECRET_H

#include <ampql/base.h>

struct aws_secret_allocator {
    struct ampql_allocator alc; /* hand this on; the struct must stay where it is */
    const struct ampql_allocator *base;
};

void aws_secret_init(struct aws_secret_allocator *secret, const struct ampql_allocator *base);

#endif
