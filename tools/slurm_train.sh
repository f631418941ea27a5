#!/usr/bin/env bash
# Train below Slurm.
#
#     tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options of
#     train.py]
#
# In the environment: GPUS in all (8), GPUS_PER_NODE (8, at most GPUS),
# CPUS_PER_TASK (5), SRUN_ARGS, PY_ARGS (more options of train.py), GRES
# (gpu:GPUS_PER_NODE; empty for nodes without GPUs, on which GPUS and
# GPUS_PER_NODE count processes), MASTER_PORT (29500).

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

# SRUN_ARGS and PY_ARGS hold several words each
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
