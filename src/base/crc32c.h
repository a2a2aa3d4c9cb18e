/* CRC32C (Castagnoli), which files of others carry: by the processor's own instruction where it has
 * one, else by a table. */
#ifndef AMPQL_SRC_BASE_CRC32C_H
#define AMPQL_SRC_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of p [n], after what gave crc; 0 at first. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

/* The same by the table: tests compare the two. */
uint32_t crc32c_by_table(uint32_t crc, const void *p, size_t n);

#endif
