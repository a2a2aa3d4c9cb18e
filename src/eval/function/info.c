/* info: known, and refused by name. It joins labels of target_info and its like, by rules that
 * follow a server's configuration. */
#include "eval/function.h"

static const struct function rows[] = {
    {.sig = {.name = "info",
             .help = "Labels of info metrics added to series.",
             .args = {VALUE_VECTOR, VALUE_VECTOR},
             .nargs = 2,
             .optional = 1,
             .result = VALUE_VECTOR,
             .kernel = KERNEL_CALL,
             .experimental = true,
             .is_refused = true}},
};
const struct function_table functions_info = {rows, sizeof rows / sizeof *rows};
