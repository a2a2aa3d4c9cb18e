/* Recursive walks run on small stacks. */
#ifndef AMPQL_SRC_LANG_FRAME_H
#define AMPQL_SRC_LANG_FRAME_H

/* For what needs room on the stack but does not recurse: inlined into a function that does, its
 * buffers would be there once a level. */
#define OWN_FRAME __attribute__((noinline))

#endif
