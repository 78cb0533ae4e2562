#!/usr/bin/env bash
# Fetches the TinyStories data set (2.25 GB) into data/train.txt and data/valid.txt.
set -euo pipefail

usage() {
    cat <<'HELP'
Usage: scripts/download-tinystories.sh [--only train|valid] [--help]

Downloads TinyStoriesV2 (GPT-4 stories; Eldan and Li, arXiv:2305.07759) from the Hugging Face data
set roneneldan/TinyStories into this repository's data/ folder:

    data/train.txt    2,227,753,162 bytes
    data/valid.txt       22,502,601 bytes

An interrupted download is resumed: run the script again. A file takes its final name only when its
size is right; a file that is already there in full is left alone.

Environment:
    TINYSTORIES_URL         where the two files are (default: the data set's own address)
    TINYSTORIES_SIZES       expected bytes, "TRAIN VALID", where a mirror holds other files
                            (default: as above)
    TINYSTORIES_DIR         where they go (default: data/ beside this script's folder)
HELP
}

die() {
    echo "error: $*" >&2
    exit 1
}

only=""
while [ $# -gt 0 ]; do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --only) only="${2:-nothing}"; shift ;;
        --only=*) only="${1#--only=}" ;;
        *) echo "error: unknown argument $1 (see --help)" >&2; exit 2 ;;
    esac
    shift || true
done
case "$only" in
    "" | train | valid) ;;
    *) echo "error: --only takes train or valid, not '$only'" >&2; exit 2 ;;
esac

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
url="${TINYSTORIES_URL:-https://huggingface.co/datasets/roneneldan/TinyStories/resolve/main}"
dir="${TINYSTORIES_DIR:-$root/data}"
read -r train_bytes valid_bytes <<<"${TINYSTORIES_SIZES:-2227753162 22502601}"
mkdir -p "$dir"

if command -v curl >/dev/null; then
    fetch() { curl --fail --location --retry 5 --retry-delay 2 --continue-at - --output "$2" "$1"; }
elif command -v wget >/dev/null; then
    fetch() { wget --tries=5 --continue --output-document="$2" "$1"; }
else
    die "neither curl nor wget is installed; install one of them"
fi

size_of() {
    if [ -e "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi
}

# download NAME-ON-THE-SERVER FINAL-NAME BYTES
download() {
    local from="$url/$1" to="$dir/$2" part="$dir/$2.part" expected="$3"
    if [ -e "$to" ]; then
        [ "$(size_of "$to")" = "$expected" ] ||
            die "$to has $(size_of "$to") bytes, not $expected; it is not the data set:" \
                "move it away and run this again"
        echo "$to is complete ($expected bytes)" >&2
        return
    fi
    local have
    have="$(size_of "$part")"
    [ "$have" -le "$expected" ] ||
        die "$part has $have bytes, more than the $expected expected; delete it and run this again"
    if [ "$have" -lt "$expected" ]; then
        if [ "$have" -gt 0 ]; then echo "resuming $2 at byte $have of $expected" >&2; fi
        fetch "$from" "$part" ||
            die "downloading $from stopped at byte $(size_of "$part") of $expected;" \
                "run this again to resume"
    fi
    have="$(size_of "$part")"
    [ "$have" = "$expected" ] ||
        die "$from gave $have bytes, expected $expected; delete $part and try again, or check" \
            "TINYSTORIES_URL"
    mv "$part" "$to"
    echo "$to: $expected bytes" >&2
}

if [ "$only" != train ]; then download TinyStoriesV2-GPT4-valid.txt valid.txt "$valid_bytes"; fi
if [ "$only" != valid ]; then download TinyStoriesV2-GPT4-train.txt train.txt "$train_bytes"; fi
