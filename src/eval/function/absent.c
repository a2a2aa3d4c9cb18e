/* absent: 1 where a vector is empty. The operator does it, from the presence of all series
 * (eval/call.c). */
#include "eval/function.h"

static const struct function rows[] = {
    {.sig = {.name = "absent",
             .help = "1 where the vector has no series.",
             .args = {VALUE_VECTOR},
             .nargs = 1,
             .result = VALUE_VECTOR,
             .kernel = KERNEL_ABSENT},
     .form = FORM_CALL},
};
const struct function_table functions_absent = {rows, sizeof rows / sizeof *rows};
