#!/usr/bin/env bash
# Train in several processes: one process per GPU, or on the CPU without GPUs.
#
#     tools/dist_train.sh CONFIG PROCESSES [options of train.py]
#
# Several nodes: run the same command on each node, with these environment
# variables: NNODES (number of nodes), NODE_RANK (0 on the first node), MASTER_ADDR
# (address of the first node) and PORT (default: 29500). On one node the script finds
# a free port if PORT is not set.

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
    "$(dirname "$0")/train.py" "$CONFIG" --launcher pytorch "${@:3}"
