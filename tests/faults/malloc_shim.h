/* malloc that fails on purpose: what malloc_shim.so, loaded by LD_PRELOAD, offers to the program it
 * is loaded into. Any other program it serves by its environment: see malloc_shim.c. */
#ifndef AMPQL_TESTS_MALLOC_SHIM_H
#define AMPQL_TESTS_MALLOC_SHIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define MALLOC_SHIM "malloc_shim"

/* Who called malloc: bits. */
enum { MALLOC_SHIM_PROGRAM = 1, MALLOC_SHIM_LIBRARIES = 2 };

struct malloc_shim {
    void (*arm)(unsigned whose, uint64_t at, bool keeps); /* at: from 1; 0: only count */
    uint64_t (*disarm)(void);       /* returns the number of calls since arm */
    void (*pause)(bool is_paused);  /* this thread's calls do not count meanwhile */
    void (*first_only)(bool is_on); /* of this thread's calls from now on only the first counts */
    uint64_t (*live)(void);         /* blocks taken while armed and still held */
    void (*print_live)(FILE *out);  /* a line for each caller of them */
};

#endif
