#!/usr/bin/env bash
# Times train-tokenizer and encode beside other tokenizers on one text, and prints a table.
#
#   scripts/bench-tokenizer.sh FILE [--python PYTHON] [OPTION ...]
#
# PYTHON has tokenizers, tiktoken, rustbpe, gigatoken, awkward and numpy; without it they are
# installed into a temporary folder. The other options are those of
# scripts/compare/tokenizer_rivals.py (--vocab-size, --rounds, --only).
set -euo pipefail

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; }
file=${1:-}
if [[ -z $file || $file == -h || $file == --help ]]; then
    usage
    exit $([[ -n $file ]] && echo 0 || echo 2)
fi
shift
[[ -f $file ]] || { echo "bench-tokenizer: $file: no such file" >&2; exit 1; }
python=
options=()
while (($#)); do
    case $1 in
    --python) python=${2:?--python: needs a path}; shift 2 ;;
    *) options+=("$1"); shift ;;
    esac
done

root=$(cd "$(dirname "$0")/.." && pwd)
cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p lm-cli --bins
programs=${CARGO_TARGET_DIR:-$root/target}/release
if [[ -z $python ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    python3 -m venv "$folder/venv"
    python=$folder/venv/bin/python
    "$python" -m pip install --quiet --disable-pip-version-check \
        tokenizers tiktoken rustbpe gigatoken awkward numpy
fi
"$python" "$root/scripts/compare/tokenizer_rivals.py" "$programs" "$file" \
    ${options[@]+"${options[@]}"}
