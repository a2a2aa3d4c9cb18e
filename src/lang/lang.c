/* The tables that operator.def and aggregation.def stand for. */
#include "lang/ast.h"

const struct op_info op_info[] = {
#define LEFT false
#define RIGHT true
#define OP(name, text, precedence, associativity, kind)                                            \
    [OP_##name] = {text, precedence, associativity, OP_KIND_##kind},
#include "lang/operator.def"
#undef LEFT
#undef RIGHT
};
_Static_assert(sizeof op_info / sizeof *op_info == OP_COUNT, "one row for each operator");

const struct aggregation_info aggregation_info[] = {
#define AGGREGATION(name, text, param, experimental, help)                                         \
    [AGGREGATION_##name] = {text, VALUE_##param, experimental, help},
#include "lang/aggregation.def"
};
_Static_assert(sizeof aggregation_info / sizeof *aggregation_info == AGGREGATION_COUNT_ALL,
               "one row for each aggregation");

const char *value_type_text(enum value_type type)
{
    switch (type) {
    case VALUE_NONE:
        break;
    case VALUE_SCALAR:
        return "scalar";
    case VALUE_VECTOR:
        return "instant vector";
    case VALUE_MATRIX:
        return "range vector";
    case VALUE_STRING:
        return "string";
    }
    return "none";
}
