#!/usr/bin/env bash
# Measures how well a model spells: the share of the words of twelve stories that occur in the text
# that it was trained on.
set -euo pipefail

usage() {
    cat <<'HELP'
Usage: scripts/story-words.sh CHECKPOINT [--temperature T] [--text FILE] [--show] [--help]

    --temperature T    of the samples (default 0.6)
    --text FILE        the text whose words exist (default data/stories-train.txt)
    --show             print the stories too

Needs `cargo build --release`.
HELP
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
lm="${CARGO_TARGET_DIR:-$root/target}/release/lm"
checkpoint="" temperature=0.6 text="$root/data/stories-train.txt" show=
while [ $# -gt 0 ]; do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --temperature) temperature="${2:?--temperature takes a number}"; shift ;;
        --text) text="${2:?--text takes a file}"; shift ;;
        --show) show=1 ;;
        -*) echo "error: unknown argument $1 (see --help)" >&2; exit 2 ;;
        *) checkpoint="$1" ;;
    esac
    shift
done
[ -n "$checkpoint" ] || { usage >&2; exit 2; }

stories="$(mktemp)"
trap 'rm -f "$stories"' EXIT
seed=0
for prompt in "Once upon a time" "There was once a" "Once, there was a"; do
    for _ in 1 2 3 4; do
        seed=$((seed + 1))
        "$lm" inference --checkpoint "$checkpoint" --prompt "$prompt" --seed "$seed" \
            --temperature "$temperature" --max-tokens 500 --quiet
        printf '\n\n'
    done
done >"$stories"
[ -z "$show" ] || cat "$stories"

# Words are letters, with an apostrophe or hyphen between letters, in lower case.
words() { tr -cs "A-Za-z'-" '\n' <"$1" | sed "s/^['-]*//; s/['-]*$//" | tr 'A-Z' 'a-z'; }
words "$text" | sort -u | awk '
    NR == FNR { known[$0]; next }
    $0 == "" { next }
    { total++ }
    !($0 in known) { unknown++; list = list " " $0 }
    END {
        printf "%d words, %.2f %% of them in the text", total, 100 * (1 - unknown / total)
        if (list != "") printf "; not:%s", list
        print ""
    }' - <(words "$stories")
