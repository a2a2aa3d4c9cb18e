# ampql serve, where it ends before it serves; what it answers is tests/serve.py's.
. tests/data/cli/lib.sh

if "$AMPQL" whoami 2>&1 | grep -q 'built without HTTP'; then
    # said before anything is opened: this source is not there
    run 5 serve -s nothing.aqc --listen 127.0.0.1:0 <<'END'
! ampql: error: serve: this ampql was built without HTTP
END
    exit
fi

run 2 serve <<'END'
! ampql: error: serve: expected --source: what is to be served
!   hint: see `ampql help serve`
END
run 7 serve -s nothing.aqc --listen 127.0.0.1:0 <<'END'
! ampql: error: nothing.aqc: No such file or directory
END
