/* Loops that are worth a second compilation for wider vectors, chosen when the program starts. */
#ifndef AMPQL_SRC_BASE_CLONES_H
#define AMPQL_SRC_BASE_CLONES_H

/* Before a function's definition. All clones give the same bits: arithmetic is neither contracted
 * nor reordered (the Makefile's EXACT), wider registers only do more of it at once. Not under
 * sanitizers, which are not ready yet when the loader chooses. */
#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__) &&                 \
    !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define CLONES
#endif
#endif
#ifndef CLONES
#define CLONES __attribute__((target_clones("avx2", "default")))
#endif
#else
#define CLONES
#endif

#endif
