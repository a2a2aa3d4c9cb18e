# ampql whoami: without a network, and against fakes of AWS's services on loopback.
. tests/data/cli/lib.sh
for name in $(env | sed -n 's/^\(AWS_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done
export AWS_EC2_METADATA_DISABLED=true HOME="$work"
"$AMPQL" whoami 2>&1 | grep -q 'built without HTTP' && exit 0

run 8 whoami <<END
! ampql: error: no AWS credentials: no AWS_ACCESS_KEY_ID, no AWS_WEB_IDENTITY_TOKEN_FILE, no keys in profile "default" ("$work/.aws/credentials", "$work/.aws/config"), no AWS_CONTAINER_CREDENTIALS_FULL_URI, and AWS_EC2_METADATA_DISABLED is true
END
run 2 whoami -s amp:ws-1 <<'END'
! ampql: error: whoami: --source: expected amp:WORKSPACE@REGION
!   hint: see `ampql help whoami`
END
mkdir "$work/.aws"
printf '[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = canary\n' >"$work/.aws/credentials"
run 0 whoami <<END
provider    shared credentials file
because     profile "default" in "$work/.aws/credentials" has aws_access_key_id
access key  *******MPLE
expires     never
region      none: set AWS_REGION
! ampql: warning: sts GetCallerIdentity: no region is known: set AWS_REGION
END
check 'whoami against fakes' python3 tests/whoami.py "$AMPQL"
