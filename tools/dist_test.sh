#!/usr/bin/env bash
# Test in several processes. The result equals the result of one process.
#
#     tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of test.py]
#
# For several nodes, see dist_train.sh.

set -e

if [ $# -lt 3 ]; then
    echo "error: usage: $0 CONFIG CHECKPOINT PROCESSES" \
        "[options of test.py]" >&2
    exit 1
fi
CONFIG=$1
CHECKPOINT=$2
GPUS=$3
NNODES=${NNODES:-1}
NODE_RANK=${NODE_RANK:-0}
MASTER_ADDR=${MASTER_ADDR:-127.0.0.1}
[ "$NNODES" = 1 ] || PORT=${PORT:-29500}

# This launcher is torchrun with shorter error messages. Modules of the current folder
# are not imported.
PYTHONPATH="$(dirname "$0")/..${PYTHONPATH:+:$PYTHONPATH}" \
exec python -c 'import sys; sys.path.remove("")
from rcn_mmpose.environment.launch import main; sys.exit(main(sys.argv[1:]))' \
    --nnodes="$NNODES" \
    --node-rank="$NODE_RANK" \
    --master-addr="$MASTER_ADDR" \
    --nproc-per-node="$GPUS" \
    ${PORT:+--master-port="$PORT"} \
    "$(dirname "$0")/test.py" "$CONFIG" "$CHECKPOINT" --launcher pytorch \
    "${@:4}"
