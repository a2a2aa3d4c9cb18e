/* Kubernetes cost allocation. */
#ifndef AMPQL_COST_H
#define AMPQL_COST_H

#include <ampql/rules.h>

#endif
