#!/usr/bin/env bash
# Study: the batch size, at equal tokens.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

study=batch-size title="Batch size at equal tokens" against=tokens
about="Many small steps or few large ones: batches of 2 to 32 sequences, the same number of tokens
in all. The learning rate grows with the square root of the batch; the largest batch is run with
the baseline's rate too."

variants() {
    variant batch-2 --batch-size 2 --lr 0.0015
    variant batch-4 --batch-size 4 --lr 0.00212
    shown=batch-8 variant baseline
    variant batch-16 --batch-size 16 --lr 0.00424
    variant batch-32 --batch-size 32 --lr 0.006
    variant batch-32-lr-3e-3 --batch-size 32
}

run_study "$@"
