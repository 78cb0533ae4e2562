#!/usr/bin/env bash
# Study: the learning rate.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

study=learning-rate title="Learning rate"
about="Learning rates from 3e-4 to 1: how low is slow, and how high is too high?"

variants() {
    variant lr-3e-4 --lr 0.0003
    variant lr-1e-3 --lr 0.001
    shown=lr-3e-3 variant baseline
    variant lr-1e-2 --lr 0.01
    variant lr-3e-2 --lr 0.03
    variant lr-1e-1 --lr 0.1
    variant lr-1 --lr 1
}

run_study "$@"
