#!/usr/bin/env bash
# Measures a training step of the default model beside PyTorch's: time, tokens per second, peak
# memory; then prints the profile of ours.
set -euo pipefail

usage() {
    cat <<'HELP'
Usage: scripts/bench-training.sh [--python PYTHON] [--steps N] [--batch-size N] [--threads N]
                                 [--rounds N] [--precision f32|bf16] [--gemm] [--help]

    --python PYTHON   a Python that has torch; without, torch is installed into a temporary
                      environment (several GB)
    --steps N         steps that are measured each time, after two to warm up (default 5)
    --batch-size N    sequences of 256 tokens per batch (default 32)
    --threads N       threads on both sides (default: all cores)
    --rounds N        how often all variants take turns (default 1)
    --precision P     f32 or bf16 only (default: both)
    --gemm            the table of matrix products too
HELP
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="" steps=5 batch=32 rounds=1 precisions="f32 bf16" gemm=""
threads="$(getconf _NPROCESSORS_ONLN)"
while [ $# -gt 0 ]; do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --python) python="${2:?--python takes a program}"; shift ;;
        --steps) steps="${2:?--steps takes a number}"; shift ;;
        --batch-size) batch="${2:?--batch-size takes a number}"; shift ;;
        --threads) threads="${2:?--threads takes a number}"; shift ;;
        --rounds) rounds="${2:?--rounds takes a number}"; shift ;;
        --precision) precisions="${2:?--precision takes f32 or bf16}"; shift ;;
        --gemm) gemm=1 ;;
        *) echo "error: unknown argument $1 (see --help)" >&2; exit 2 ;;
    esac
    shift
done

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
if [ -z "$python" ]; then
    echo "installing torch into a temporary environment" >&2
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet torch numpy
    python="$work/venv/bin/python"
fi
cargo build --release --locked --package lm-cli --bins --manifest-path "$root/Cargo.toml"
bin="${CARGO_TARGET_DIR:-$root/target}/release"
text="$root/data/stories-train.txt"
"$bin/train-tokenizer" --dataset "$text" --out "$work/tokenizer" --quiet >/dev/null
"$bin/encode" --tokenizer "$work/tokenizer" --file "$text" --out "$work/train.npy" --quiet

# ours PRECISION: one line of JSON, as torch_step.py prints it.
ours() {
    rm -rf "$work/run"
    "$python" - "$work/run/metrics.jsonl" "$steps" "$batch" \
        "$bin/train-model" --train-dataset "$work/train.npy" --vocab-size 10000 \
        --checkpoint-dir "$work/run" --batch-size "$batch" --precision "$1" \
        --threads "$threads" --steps "$((steps + 2))" --log-every 1 --quiet <<'PYTHON'
import json, resource, subprocess, sys
metrics, steps, batch, *command = sys.argv[1:]
subprocess.run(command, check=True)
rates = [json.loads(line)["tokens_per_second"] for line in open(metrics)][2:]
rate = sorted(rates)[int(steps) // 2]
unit = 1 if sys.platform == "darwin" else 1024
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
seconds = int(batch) * 256 / rate
print(json.dumps({"seconds": seconds, "tokens_per_second": rate, "peak_bytes": peak}))
PYTHON
}

# row NAME JSON: a line of the table.
row() {
    "$python" -c 'import json, sys
name, r = sys.argv[1], json.loads(sys.argv[2])
seconds, rate, peak = r["seconds"], r["tokens_per_second"], r["peak_bytes"] / 1e9
print(f"{name:<24}{seconds:>9.2f} s{rate:>12.0f}{peak:>11.2f} GB")' "$1" "$2"
}

grep -m1 'model name' /proc/cpuinfo 2>/dev/null || true
echo "batch of $batch × 256 tokens, $threads threads, median of $steps steps"
printf '%-24s%11s%12s%14s\n' "" "per step" "tokens/s" "peak memory"
for _ in $(seq "$rounds"); do
    for precision in $precisions; do
        row "lm $precision" "$(ours "$precision")"
        for mode in eager compile; do
            theirs="$("$python" "$root/scripts/compare/torch_step.py" --mode "$mode" \
                --precision "$precision" --batch-size "$batch" --steps "$steps" \
                --threads "$threads")"
            row "PyTorch $mode $precision" "$theirs"
        done
    done
done
for precision in $precisions; do
    echo
    "$bin/train-model" --train-dataset "$work/train.npy" --vocab-size 10000 \
        --checkpoint-dir "$work/run" --batch-size "$batch" --precision "$precision" \
        --threads "$threads" --steps 3 --profile 2 --quiet
done
if [ -n "$gemm" ]; then
    cargo bench --package lm-tensor --bench gemm --manifest-path "$root/Cargo.toml" |
        grep -E 'peak|mean'
fi
