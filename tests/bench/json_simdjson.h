/* simdjson, for tests/bench/json.c. */
#ifndef AMPQL_TESTS_JSON_SIMDJSON_H
#define AMPQL_TESTS_JSON_SIMDJSON_H

#ifdef __cplusplus
#include <cstddef>
#include <cstdint>
extern "C" {
#else
#include <stddef.h>
#include <stdint.h>
#endif

/* CPU ns for reading all samples of a matrix answer, and their number; 0 when simdjson was not
 * there. */
double bench_simdjson(const char *text, size_t size, uint64_t *samples, double (*now)(void));

#ifdef __cplusplus
}
#endif
#endif
