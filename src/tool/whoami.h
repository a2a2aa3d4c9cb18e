/* `ampql whoami`: where AWS credentials come from, and who AWS takes them for. */
#ifndef AMPQL_SRC_TOOL_WHOAMI_H
#define AMPQL_SRC_TOOL_WHOAMI_H

#include "source/credentials.h"

/* Empty texts are not given. */
struct whoami_options {
    struct str profile, region, role_arn, external_id, session_name;
    int64_t now_ms;
};

struct whoami {
    bool has_description; /* a provider was found */
    struct credentials_description description;
    bool has_keys; /* and gave keys */
    bool has_identity;
    struct caller_identity identity;
    enum ampql_code identity_code; /* why there is none, when there are keys */
    struct ampql_error identity_error;
};

/* Find the provider, get keys from it, ask STS who they are. What was found out is in out also when
 * this fails.
 *   arena  holds the texts
 *   err    as credentials_open and credentials_get; AMPQL_UNSUPPORTED: built without HTTP. Not
 * being able to ask STS is no failure: identity_code says so */
enum ampql_code whoami(const struct whoami_options *options, struct arena *arena,
                       struct whoami *out, struct ampql_error *err);

#endif
