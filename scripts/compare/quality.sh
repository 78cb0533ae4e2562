#!/usr/bin/env bash
# Trains the same model with train-model and with PyTorch, and compares their losses and times.
set -euo pipefail

usage() {
    cat <<'HELP'
Usage: scripts/compare/quality.sh TEXT [--seeds N] [--steps N] [--threads N] [--same-start]
                                  [--out DIR]

Holds out the last tenth of TEXT for validation, trains a tokenizer of 2,000 tokens on the rest, and
then trains a model (4 layers, d_model 256, batches of 16 x 256 tokens, 600 steps) with each seed
three times: with train-model in f32 and in bf16, and with PyTorch (torch_train.py). Windows and
schedule are the same; the first weights follow the same distribution. Draws OUT/steps.svg and
OUT/time.svg and prints the table. Runs that are finished are skipped.

    --seeds N      seeds 0 to N-1 (default 3)
    --steps N      (default 600)
    --threads N    for either (default 2)
    --same-start   train-model begins with PyTorch's first weights of the same seed: the losses then
                   differ by arithmetic only, not by the first weights (needs safetensors as well)
    --out DIR      (default runs/quality)

PYTHON names a Python with torch and numpy (default python3); LM_BIN a folder with the programs and
COMPARE_RUNS a compare-runs, if they are not to be built.
HELP
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
bin="${LM_BIN:-${CARGO_TARGET_DIR:-$root/target}/release}"
text="" seeds=3 steps=600 threads=2 same_start="" out="$root/runs/quality"
while [ $# -gt 0 ]; do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --seeds) seeds="${2:?--seeds takes a number}"; shift ;;
        --steps) steps="${2:?--steps takes a number}"; shift ;;
        --same-start) same_start=1 ;;
        --threads) threads="${2:?--threads takes a number}"; shift ;;
        --out) out="${2:?--out takes a directory}"; shift ;;
        -*) echo "error: unknown argument $1 (see --help)" >&2; exit 2 ;;
        *) text="$1" ;;
    esac
    shift
done
[ -f "$text" ] || { echo "error: expected a text file (see --help)" >&2; exit 2; }

compare="${COMPARE_RUNS:-${CARGO_TARGET_DIR:-$root/target}/release/examples/compare-runs}"
if [ -z "${LM_BIN:-}" ] || [ -z "${COMPARE_RUNS:-}" ]; then
    cargo build --quiet --release --locked --package lm-cli --bins --example compare-runs \
        --manifest-path "$root/Cargo.toml"
fi
mkdir -p "$out"
sum="$(cksum <"$text")"
if [ -e "$out/text.cksum" ] && [ "$sum" != "$(cat "$out/text.cksum")" ]; then
    echo "error: $out holds runs on another text; give another --out" >&2
    exit 1
fi
echo "$sum" >"$out/text.cksum"
if [ ! -e "$out/valid.npy" ]; then
    # Cut at the end of a line.
    lines="$(head -c $(($(wc -c <"$text") * 9 / 10)) "$text" | wc -l)"
    head -n $((lines + 1)) "$text" >"$out/train.txt"
    tail -n +$((lines + 2)) "$text" >"$out/valid.txt"
    "$bin/train-tokenizer" --quiet --dataset "$out/train.txt" --vocab-size 2000 \
        --out "$out/tokenizer"
    for split in train valid; do
        "$bin/encode" --quiet --tokenizer "$out/tokenizer" --file "$out/$split.txt" \
            --out "$out/$split.npy"
    done
fi

model=(--vocab-size 2000 --d-model 256 --num-heads 8 --num-layers 4 --d-ff 672)
flags=(--context-length 256 --batch-size 16 --lr 1e-3 --steps "$steps" --log-every 5)
flags+=(--eval-every 100 --threads "$threads")
torch=("${PYTHON:-python3}" "$root/scripts/compare/torch_train.py")
torch+=(--train "$out/train.npy" --val "$out/valid.npy" "${model[@]}")

# ours PRECISION SEED
ours() {
    local dir="$out/lm-$1-s$2" start=("${model[@]}") first="$out/first-s$2"
    if [ -n "$same_start" ]; then
        dir="$out/lm-$1-same-start-s$2" start=(--init-from "$first")
        if [ ! -e "$first" ]; then
            "${torch[@]}" "${flags[@]}" --seed "$2" --steps 0 --out "$out/first" \
                --save-first "$first.unfinished" >/dev/null
            mv "$first.unfinished" "$first"
        fi
    fi
    chart+=("$dir")
    # A finished run is left as it is; a run with other flags is an error of train-model.
    if [ -e "$dir/latest" ]; then start=("${start[@]}" --resume); fi
    "$bin/train-model" --train-dataset "$out/train.npy" --val-dataset "$out/valid.npy" \
        --checkpoint-dir "$dir" "${start[@]}" "${flags[@]}" --eval-batches 0 --precision "$1" \
        --seed "$2" --keep-checkpoints 1
}

# theirs SEED
theirs() {
    local dir="$out/pytorch-s$1"
    chart+=("$dir")
    if tail -n 1 "$dir/metrics.jsonl" 2>/dev/null | grep -q "^{\"step\": $steps,"; then return 0; fi
    "${torch[@]}" --out "$dir" "${flags[@]}" --seed "$1"
}

chart=()
for ((seed = 0; seed < seeds; seed++)); do
    ours f32 "$seed"
    theirs "$seed"
    ours bf16 "$seed"
done
for against in steps time; do
    "$compare" "${chart[@]}" --title "train-model and PyTorch" --against "$against" \
        --out "$out/$against.svg" >"$out/table.md"
done
cat "$out/table.md"
