#!/usr/bin/env bash
# Study: RMSNorm before, after, or not at all.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

study=norm title="RMSNorm: before, after, none"
about="RMSNorm before each layer (pre), after each residual sum (post), or nowhere, at two learning
rates."

variants() {
    shown=norm-pre variant baseline
    variant norm-post --norm post
    variant norm-none --norm none
    shown=norm-pre-lr-1e-2 variant lr-1e-2 --lr 0.01
    variant norm-post-lr-1e-2 --norm post --lr 0.01
    variant norm-none-lr-1e-2 --norm none --lr 0.01
}

run_study "$@"
