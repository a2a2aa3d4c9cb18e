/* Remote write's protobuf message read back, by code that shares nothing with what writes it. */
#ifndef AMPQL_TESTS_WRITE_REQUEST_H
#define AMPQL_TESTS_WRITE_REQUEST_H

#include <ampql/base.h>

/* Hands on each sample of a WriteRequest [n] with its series' labels as `name=value\n` lines in the
 * order of the message, NUL-terminated. False: it is no WriteRequest of series, labels and samples,
 * labels of a series are not in order of name or have no value, or times do not ascend. */
bool write_request_read(const uint8_t *p, size_t n,
                        void (*sample)(void *payload, const char *labels, int64_t t_ms, double v),
                        void *payload);

#endif
