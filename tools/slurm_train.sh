#!/usr/bin/env bash
# Train in several processes under Slurm.
#
#     tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options of
#     train.py]
#
# Environment variables (default):
#
#     GPUS           number of GPUs on all nodes (8)
#     GPUS_PER_NODE  number of GPUs per node (8, at most GPUS)
#     CPUS_PER_TASK  number of CPU cores per process (5)
#     GRES           srun's --gres (gpu:GPUS_PER_NODE). Set it to an empty string for
#                    nodes without GPUs; GPUS and GPUS_PER_NODE then count processes.
#     MASTER_PORT    port of the first node (29500)
#     SRUN_ARGS      more options of srun
#     PY_ARGS        more options of train.py

set -e

if [ $# -lt 4 ]; then
    echo "error: usage: $0 PARTITION JOB_NAME CONFIG WORK_DIR" \
        "[options of train.py]" >&2
    exit 1
fi
PARTITION=$1
JOB_NAME=$2
CONFIG=$3
WORK_DIR=$4
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-$((GPUS < 8 ? GPUS : 8))}
CPUS_PER_TASK=${CPUS_PER_TASK:-5}
GRES=${GRES-gpu:$GPUS_PER_NODE}

# SRUN_ARGS and PY_ARGS may hold several words, which the shell must split.
# shellcheck disable=SC2086
PYTHONPATH="$(dirname "$0")/..${PYTHONPATH:+:$PYTHONPATH}" \
exec srun -p "$PARTITION" \
    --job-name="$JOB_NAME" \
    ${GRES:+--gres="$GRES"} \
    --ntasks="$GPUS" \
    --ntasks-per-node="$GPUS_PER_NODE" \
    --cpus-per-task="$CPUS_PER_TASK" \
    --kill-on-bad-exit=1 \
    $SRUN_ARGS \
    python -u "$(dirname "$0")/train.py" "$CONFIG" \
    --work-dir="$WORK_DIR" --launcher=slurm "${@:5}" $PY_ARGS
