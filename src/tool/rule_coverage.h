/* Which rules the unit tests of some files read.
 *
 * A rule is tested when a promql_expr_test selects its series by name (ALERTS or ALERTS_FOR_STATE
 * with the alert's name, for an alert) and asks for nothing that the rule's own labels rule out, or
 * when an alert_rule_test names it. It is read in passing when only rules do so that are tested. */
#ifndef AMPQL_SRC_TOOL_RULE_COVERAGE_H
#define AMPQL_SRC_TOOL_RULE_COVERAGE_H

#include "tool/unit.h"

#include <stdio.h>

enum rule_cover { COVER_NONE, COVER_PASSING, COVER_TESTED };

struct covered_rule {
    struct str path, name;
    size_t line;
    bool is_alert;
    enum rule_cover cover;
};

/* Start from zero, with an arena. */
struct rule_coverage {
    struct arena *arena;
    ARRAY(struct covered_rule);
};

/* Add what the tests of a file do; a rule file that several name counts once.
 *   err  AMPQL_NOMEM */
enum ampql_code rule_coverage_add(struct rule_coverage *coverage, const struct unit_file *file,
                                  const struct unit_rules *rules, enum ampql_dialect dialect,
                                  struct ampql_error *err);

/* "tested 4 of 5 recording rules, 0 of 1 alerts", and a line for each rule that is not. */
void rule_coverage_print(const struct rule_coverage *coverage, FILE *out);

#endif
