/* AWS's Security Token Service: roles, and who one is. */
#ifndef AMPQL_SRC_SOURCE_AWS_STS_H
#define AMPQL_SRC_SOURCE_AWS_STS_H

#include "source/aws_call.h"

/* Where STS is. */
struct aws_sts {
    struct str url;    /* "https://sts.us-east-1.amazonaws.com/" */
    struct str region; /* to sign for */
};

/* A role, and how it is taken on. */
struct aws_role {
    struct str arn;
    struct str session_name; /* empty: made from the time */
    struct str external_id;  /* may be empty */
    int64_t duration_s;      /* 0: the role's default of an hour */
};

/* AssumeRole, signed with credentials; AssumeRoleWithWebIdentity with a token, unsigned.
 *   credentials  NULL: token is sent
 *   out          in the call's arena
 *   err          as aws_call_send; AMPQL_UNAUTHORIZED: refused, with what to do; AMPQL_BAD_DATA: an
 *                answer that is not STS's; a session name or duration that STS takes not */
enum ampql_code aws_sts_assume(const struct aws_call *call, const struct aws_sts *sts,
                               const struct aws_role *role,
                               const struct aws_credentials *credentials, struct str token,
                               int64_t now_ms, struct aws_credentials *out,
                               struct ampql_error *err);

/* GetCallerIdentity.
 *   err  as aws_sts_assume */
struct aws_identity {
    struct str account, arn, user_id;
};
enum ampql_code aws_sts_identity(const struct aws_call *call, const struct aws_sts *sts,
                                 const struct aws_credentials *credentials, int64_t now_ms,
                                 struct aws_identity *out, struct ampql_error *err);

/* The keys in an answer's <Credentials>.
 *   err  AMPQL_BAD_DATA, AMPQL_NOMEM */
enum ampql_code aws_sts_read_credentials(struct str xml, struct arena *arena,
                                         struct aws_credentials *out, struct ampql_error *err);

#endif
