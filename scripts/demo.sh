#!/usr/bin/env bash
# From text to stories: builds the program, trains a tokenizer and a small model on the stories in
# data/, and lets the model tell three stories.
set -euo pipefail

usage() {
    cat <<'HELP'
Usage: scripts/demo.sh [--steps N] [--out DIR] [--help]

    --steps N    training steps (default: as many as this machine takes in some two and a half
                 minutes, 1000 to 4000; also DEMO_STEPS)
    --out DIR    receives tokenizer/, the token files, the checkpoints, samples.txt, metrics.jsonl
                 and loss.svg (default runs/demo; also DEMO_OUT)
HELP
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
steps="${DEMO_STEPS:-}"
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
out="${out#"$PWD"/}"

# Nearly all words of these stories are tokens of their own, so the model need not learn to spell.
# Small batches make for many steps, and at this budget it is steps that count.
vocab_size=4096
training=(--preset demo --seed 1 --eval-every 200 --checkpoint-every 400)
prompts=("Once upon a time" "There was once a" "Once, there was a")
# The time for training, evaluations included.
seconds=150
# Stories shorter than this are told anew.
least_words=80

lm="${CARGO_TARGET_DIR:-$root/target}/release/lm"
lm="${lm#"$PWD"/}"
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
    cargo build --release --locked --package lm-cli --bin lm --manifest-path "$root/Cargo.toml"
}

# Every thirtieth story is kept from the model, to see whether it learns more than it has read.
split_stories() {
    awk -v train="$out/train.txt" -v valid="$out/valid.txt" '
        { print > (stories % 30 == 29 ? valid : train) }
        $0 == "<|endoftext|>" { stories++ }' "$root/data/stories-train.txt"
}

train_tokenizer() {
    split_stories
    "$lm" train-tokenizer --dataset "$out/train.txt" --vocab-size "$vocab_size" \
        --out "$out/tokenizer"
}

encode() {
    local split
    for split in train valid; do
        "$lm" encode --tokenizer "$out/tokenizer" --file "$out/$split.txt" \
            --out "$out/$split.npy"
    done
}

# train_model FLAG...: trains, with these flags too.
train_model() {
    "$lm" train-model --train-dataset "$out/train.npy" --val-dataset "$out/valid.npy" \
        --tokenizer "$out/tokenizer" --checkpoint-dir "$out" "${training[@]}" \
        --sample-prompt "${prompts[0]}" "$@"
}

# Prints the number of steps that there is time for, by an estimate like "1m 26s for 2000 steps".
affordable_steps() {
    train_model --steps 2000 --dry-run --quiet |
        sed -n 's/^estimate:.*; \(.*\) for .* steps$/\1/p' | tr ' ' '\n' |
        awk -v seconds="$seconds" '
            { total += $0 * (/h$/ ? 3600 : /m$/ ? 60 : 1) }
            END {
                steps = total > 0 ? int(2000 * seconds / total / 200) * 200 : 2000
                print (steps < 1000 ? 1000 : (steps > 4000 ? 4000 : steps))
            }'
}

# tell PROMPT SEED: prints a story.
tell() {
    "$lm" inference --checkpoint "$out/latest" --prompt "$1" --seed "$2" --temperature 0.4 \
        --max-tokens 400 --quiet
}

tell_stories() {
    local prompt seed story
    for prompt in "${prompts[@]}"; do
        for seed in 1 2 3 4 5 6 7 8; do
            story="$(tell "$prompt" "$seed")"
            [ "$(wc -w <<<"$story")" -lt "$least_words" ] || break
        done
        fold -s -w 80 <<<"$story"
        echo
    done
}

# train-model moves the run of an earlier demonstration, or any other, to earlier-N/.
mkdir -p "$out"

stage "build" build
stage "train the tokenizer" train_tokenizer
stage "encode the stories" encode
steps="${steps:-$(affordable_steps)}"
stage "train the model ($steps steps)" train_model --steps "$steps"
stage "three stories" tell_stories

cat <<END
== done
$times
Next:
  $lm inference --checkpoint $out --temperature 0.5
      opens a prompt: begin a story, the model goes on with it
  $out/loss.svg, $out/samples.txt
      the curve of the losses, and what the model wrote on the way
  $lm train-model --resume --checkpoint-dir $out --steps $((steps * 4))
      trains on, to four times as many steps
END
