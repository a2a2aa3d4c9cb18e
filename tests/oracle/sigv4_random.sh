#!/bin/sh
# Random requests, signed here and by botocore: sigv4_random.sh SIGNER FOLDER COUNT SEED. botocore comes from the system, else from
# PyPI into a virtual environment in FOLDER.
set -eu
signer=$1 folder=$2 count=$3 seed=$4
python=python3
if ! python3 -c 'import botocore' 2>/dev/null; then
    python=$folder/venv/bin/python
    [ -x "$python" ] || python3 -m venv "$folder/venv" || {
        echo "sigv4_random.sh: error: no virtual environment; apt-get install python3-venv" >&2
        exit 1
    }
    "$python" -c 'import botocore' 2>/dev/null || "$python" -m pip install -q botocore
fi
"$python" tests/oracle/sigv4_random.py "$signer" "$count" "$seed"
