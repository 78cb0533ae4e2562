#!/usr/bin/env bash
# Study: RMSNorm before, after, or not at all.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

study=norm title="RMSNorm: before, after, none"
about="RMSNorm before each layer (pre), after each residual sum (post), or nowhere; the last also at lower learning rates."

variants() {
    variant baseline
    variant norm-post --norm post
    variant norm-none --norm none
    variant norm-none-lr-3e-4 --norm none --lr 0.0003
}

run_study "$@"
