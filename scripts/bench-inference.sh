#!/usr/bin/env bash
# Measures how fast a model reads and writes tokens, beside llama.cpp, in f32, bf16 and 8 bits.
set -euo pipefail

usage() {
    cat <<'HELP'
Usage: scripts/bench-inference.sh --checkpoint DIR [--python PYTHON] [--threads "N N …"]
                                  [--rounds N] [--types "T T …"] [--gen-tokens N] [--help]

    --checkpoint DIR    a checkpoint, or a run: its newest one
    --python PYTHON     a Python that has xllamacpp, gguf and numpy (default: python3)
    --threads "N N …"   threads on both sides (default: all cores, then 1)
    --rounds N          how often all variants take turns (default 2)
    --types "T T …"     of f32, bf16 and int8 (default: all three); int8 stands beside Q8_0
    --gen-tokens N      tokens of a text (default 200)

Prints the tokens per second of reading 250 tokens, and of writing 1 text, 4 and 16 texts at a time,
at temperature 0. llama.cpp writes one text. The share is that of what the memory allows one text.
HELP
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python=python3 checkpoint="" rounds=2 types="f32 bf16 int8" gen_tokens=200
threads="$(getconf _NPROCESSORS_ONLN)"
[ "$threads" = 1 ] || threads="$threads 1"
while [ $# -gt 0 ]; do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --checkpoint) checkpoint="${2:?--checkpoint takes a directory}"; shift ;;
        --python) python="${2:?--python takes a program}"; shift ;;
        --threads) threads="${2:?--threads takes numbers}"; shift ;;
        --rounds) rounds="${2:?--rounds takes a number}"; shift ;;
        --types) types="${2:?--types takes f32, bf16 or int8}"; shift ;;
        --gen-tokens) gen_tokens="${2:?--gen-tokens takes a number}"; shift ;;
        *) echo "error: unknown argument $1 (see --help)" >&2; exit 2 ;;
    esac
    shift
done
if [ -z "$checkpoint" ]; then
    echo "error: --checkpoint is missing (see --help)" >&2
    exit 2
fi
for type in $types; do
    case "$type" in
        f32 | bf16 | int8) ;;
        *) echo "error: --types $type: expected f32, bf16 or int8" >&2; exit 2 ;;
    esac
done
if ! "$python" -c 'import gguf, numpy, xllamacpp' 2>/dev/null; then
    echo "error: $python has no xllamacpp, gguf or numpy; make a virtual environment, run" \
        "'pip install xllamacpp gguf numpy' in it, and give its Python as --python" >&2
    exit 1
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cargo build --release --locked --package lm-cli --bin inference --example export-gguf \
    --manifest-path "$root/Cargo.toml"
bin="${CARGO_TARGET_DIR:-$root/target}/release"
"$bin/examples/export-gguf" --checkpoint "$checkpoint" --out "$work/model.gguf" \
    --quiet >/dev/null

# row NAME JSON: a line of the table, of our output or of llama_cpp_speed.py's.
row() {
    "$python" -c 'import json, sys
name, speed = sys.argv[1], json.loads(sys.argv[2])
if "limit" in speed:
    write = [each["tokens_per_second"] for each in speed["write"]]
    share = f"{100 * speed['\''write'\''][0]['\''share_of_limit'\'']:.0f} %"
    read = speed["read"]["tokens_per_second"]
else:
    read, write, share = speed["read"], [speed["write"]], ""
columns = [f"{rate:.0f}" for rate in [read, *write]] + [""] * (3 - len(write)) + [share]
print(f"{name:<28}" + "".join(f"{column:>10}" for column in columns))' "$1" "$2"
}

grep -m1 'model name' /proc/cpuinfo 2>/dev/null || true
echo "tokens per second; a text of $gen_tokens tokens, a prompt of 250"
printf '%-28s%10s%10s%10s%10s%10s\n' "" reads "1 text" "4 texts" "16 texts" "of limit"
for count in $threads; do
    for _ in $(seq "$rounds"); do
        for type in $types; do
            ours="$("$bin/inference" --checkpoint "$checkpoint" --bench --json --quiet \
                --gen-tokens "$gen_tokens" --temperature 0 --precision "$type" --threads "$count")"
            row "lm $type, $count threads" "$ours"
            theirs="$(tr '[:lower:]' '[:upper:]' <<<"$type")"
            [ "$type" = int8 ] && theirs=Q8_0
            row "llama.cpp $theirs, $count threads" "$("$python" \
                "$root/scripts/compare/llama_cpp_speed.py" "$work/model.gguf" --type "$theirs" \
                --threads "$count" --gen-tokens "$gen_tokens" 2>/dev/null)"
        done
    done
done
