/* Recording rules. */
#ifndef AMPQL_RULES_H
#define AMPQL_RULES_H

#include <ampql/query.h>

#endif
