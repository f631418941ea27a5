#!/usr/bin/env bash
# Train in several processes, one to each GPU, or on the CPU if there is none.
#
#     tools/dist_train.sh CONFIG PROCESSES [options of train.py]
#
# Several nodes: the same command on each, with NNODES, NODE_RANK (0 on the
# first), MASTER_ADDR (the first) and PORT in the environment. One node finds
# a free port unless PORT is set.

set -e

if [ $# -lt 2 ]; then
    echo "error: usage: $0 CONFIG PROCESSES [options of train.py]" >&2
    exit 1
fi
CONFIG=$1
GPUS=$2
NNODES=${NNODES:-1}
NODE_RANK=${NODE_RANK:-0}
MASTER_ADDR=${MASTER_ADDR:-127.0.0.1}
[ "$NNODES" = 1 ] || PORT=${PORT:-29500}

# torchrun, with errors of one line
PYTHONPATH="$(dirname "$0")/..${PYTHONPATH:+:$PYTHONPATH}" \
exec python -m rcn_mmpose.environment.launch \
    --nnodes="$NNODES" \
    --node-rank="$NODE_RANK" \
    --master-addr="$MASTER_ADDR" \
    --nproc-per-node="$GPUS" \
    ${PORT:+--master-port="$PORT"} \
    "$(dirname "$0")/train.py" "$CONFIG" --launcher pytorch "${@:3}"
