#!/usr/bin/env bash
# Study: the feed-forward network, at equal parameters.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

study=activation title="Feed-forward networks at equal parameters"
about="SwiGLU and GEGLU (three matrices) against SiLU and GELU (two, half as wide again): equal
parameters."

variants() {
    local width=$(($(last --d-ff "${baseline[@]}" ${extra[@]+"${extra[@]}"}) * 3 / 2))
    shown=ffn-swiglu variant baseline
    variant ffn-geglu --ffn geglu
    variant ffn-silu --ffn silu --d-ff "$width"
    variant ffn-gelu --ffn gelu --d-ff "$width"
}

run_study "$@"
