#!/usr/bin/env bash
# From text to stories: builds the four programs, trains a tokenizer and a small model on the
# stories in data/, and lets the model tell three stories.
set -euo pipefail

usage() {
    cat <<'HELP'
Usage: scripts/demo.sh [--steps N] [--out DIR] [--help]

    --steps N    training steps (default 1000, about two minutes on two cores; also DEMO_STEPS)
    --out DIR    receives tokenizer/, train.npy, valid.npy, the checkpoints, metrics.jsonl and
                 loss.svg (default runs/demo; also DEMO_OUT)
HELP
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
steps="${DEMO_STEPS:-1000}"
out="${DEMO_OUT:-$root/runs/demo}"
while [ $# -gt 0 ]; do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --steps) steps="${2:?--steps takes a number}"; shift ;;
        --steps=*) steps="${1#--steps=}" ;;
        --out) out="${2:?--out takes a directory}"; shift ;;
        --out=*) out="${1#--out=}" ;;
        *) echo "error: unknown argument $1 (see --help)" >&2; exit 2 ;;
    esac
    shift
done

# A model of 1.1 million parameters, small enough that two cores with AVX2 take it once through the
# stories in two minutes. Short windows in small batches make for many steps, and at this budget it
# is steps that count.
vocab_size=2048
training=(--preset demo --steps "$steps" --seed 1 --eval-every 100)

bin="${CARGO_TARGET_DIR:-$root/target}/release"
times=""

# stage NAME COMMAND...: runs a command under a heading and remembers how long it took.
stage() {
    local name="$1" begin=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    "$@"
    times+="$(printf '%6d s  %s' $((SECONDS - begin)) "$name")"$'\n'
}

build() {
    cargo build --release --locked --package lm-cli --bins --manifest-path "$root/Cargo.toml"
}

train_tokenizer() {
    "$bin/train-tokenizer" --dataset "$root/data/stories-train.txt" --vocab-size "$vocab_size" \
        --out "$out/tokenizer"
}

encode() {
    local split
    for split in train valid; do
        "$bin/encode" --tokenizer "$out/tokenizer" --file "$root/data/stories-$split.txt" \
            --out "$out/$split.npy"
    done
}

train_model() {
    "$bin/train-model" --train-dataset "$out/train.npy" --val-dataset "$out/valid.npy" \
        --tokenizer "$out/tokenizer" --checkpoint-dir "$out" "${training[@]}"
}

tell_stories() {
    local seed=0 prompt
    for prompt in "Once upon a time" "One morning, a little" "The old owl"; do
        seed=$((seed + 1))
        "$bin/inference" --checkpoint "$out/latest" --prompt "$prompt" --seed "$seed" \
            --temperature 0.5 --max-tokens 300 --quiet
        printf '\n\n'
    done
}

# train-model moves the run of an earlier demonstration, or any other, to earlier-N/.
mkdir -p "$out"

stage "build" build
stage "train the tokenizer" train_tokenizer
stage "encode the stories" encode
stage "train the model ($steps steps)" train_model
stage "three stories" tell_stories

printf '== done\n%s' "$times"
printf 'checkpoint: %s\nloss curve: %s\n' "$out/latest" "$out/loss.svg"
