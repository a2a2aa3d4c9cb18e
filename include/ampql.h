/* ampql: an in-process PromQL evaluator and Kubernetes cost model.
 *
 * One include for all of it; each part says what it needs. Names follow Prometheus and OpenCost.
 * Every function returns an ampql_code unless it reads or frees; details go to a caller-owned
 * ampql_error. Nothing here prints, exits, sets a signal handler, reads the locale or keeps global
 * state. */
#ifndef AMPQL_H
#define AMPQL_H

#include <ampql/base.h>
#include <ampql/capture.h>
#include <ampql/cost.h>
#include <ampql/http.h>
#include <ampql/query.h>
#include <ampql/rules.h>
#include <ampql/source.h>

#endif
