#!/usr/bin/env bash
# Study: with and without positions.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

study=position title="With and without RoPE"
about="RoPE against no information about positions but what the causal mask gives away."

variants() {
    shown=rope variant baseline
    variant no-rope --no-rope
}

run_study "$@"
