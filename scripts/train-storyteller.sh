#!/usr/bin/env bash
# Makes data/storyteller anew: a tokenizer and a small model, trained on the stories in data/ alone.
set -euo pipefail

usage() {
    cat <<'HELP'
Usage: scripts/train-storyteller.sh [--out DIR] [--work DIR] [--help]

    --out DIR     receives the checkpoint (default data/storyteller)
    --work DIR    receives the run (default runs/storyteller)

Takes about ten minutes on two cores with bf16 instructions, half an hour without. The same kernels
give the same bytes; others round otherwise.
HELP
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
out="$root/data/storyteller"
work="$root/runs/storyteller"
while [ $# -gt 0 ]; do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --out) out="${2:?--out takes a directory}"; shift ;;
        --work) work="${2:?--work takes a directory}"; shift ;;
        *) echo "error: unknown argument $1 (see --help)" >&2; exit 2 ;;
    esac
    shift
done

cargo build --release --locked --package lm-cli --bin lm --example export-directory \
    --manifest-path "$root/Cargo.toml"
bin="${CARGO_TARGET_DIR:-$root/target}/release"
lm="$bin/lm"

mkdir -p "$work"
"$lm" train-tokenizer --dataset "$root/data/stories-train.txt" --vocab-size 2048 \
    --out "$work/tokenizer"
for split in train valid; do
    "$lm" encode --tokenizer "$work/tokenizer" --file "$root/data/stories-$split.txt" \
        --out "$work/$split.npy"
done
"$lm" train-model --train-dataset "$work/train.npy" --val-dataset "$work/valid.npy" \
    --tokenizer "$work/tokenizer" --checkpoint-dir "$work" \
    --context-length 512 --d-model 128 --num-layers 3 --num-heads 4 --d-ff 344 \
    --batch-size 4 --steps 8000 --lr 0.005 --beta2 0.95 --weight-decay 0.1 --seed 1 \
    --eval-every 1000 --checkpoint-every 1000 --keep-checkpoints 2 --log-every 100 \
    --sample-prompt "Once upon a time"

"$bin/examples/export-directory" --checkpoint "$work/latest" --out "$out"
# tokenizer.json says all that these two say.
rm -f "$out/vocab.json" "$out/merges.txt"
ls -l "$out"
