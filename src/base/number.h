/* Numbers as text, in Prometheus's spelling, exact both ways and without a locale. */
#ifndef AMPQL_SRC_BASE_NUMBER_H
#define AMPQL_SRC_BASE_NUMBER_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Room for any number that these functions write, NUL included (the 'f' form of 5e-324 has 326
 * bytes). */
enum { NUMBER_MAX = 352 };

/* Read a whole decimal as Go's ParseFloat does: sign, digits, point, exponent, "Inf", "+Inf",
 * "infinity", "NaN" in any case, hex floats ("0x1p-2"), underscores between digits in up to 2,048
 * bytes. Correctly rounded. NaN has Go's bits. False: not a number, or out of range ("1e400"), or
 * anything after it. */
bool number_parse(struct str text, double *out);

/* Does each underscore of an unsigned number stand between digits, or behind "0x"? */
bool number_underscores_fit(struct str text);

/* Write v [size of out: NUMBER_MAX], NUL-terminated; returns the length.
 *   number_format        shortest text that reads back to the same bits, as vector and matrix
 * values have it in the HTTP API: exponent form when v != 0 and (|v| < 1e-6 or |v| >= 1e21), with
 * at least two exponent digits number_format_fixed  shortest digits, never an exponent: scalars,
 * count_values labels, OpenMetrics both                 "NaN", "+Inf", "-Inf", "-0" */
size_t number_format(double v, char *out);
size_t number_format_fixed(double v, char *out);

/* As Go's %g writes it (shortest, exponent form below 1e-4 and from 1e6 on) and as %.2g does (at
 * most two digits, exponent form from 100 on): numbers in messages. */
size_t number_format_general(double v, char *out);
size_t number_format_two(double v, char *out);

/* Write Unix ms as seconds for JSON: "1700000075", or with exactly three decimals when ms is not 0:
 * "-1.500". */
size_t number_format_seconds(int64_t ms, char *out);

#endif
