#!/usr/bin/env bash
# Makes an archive of the programs that runs on a machine without Rust, and tries it: unpacked into
# an empty folder, without a PATH.
set -euo pipefail

usage() {
    cat <<'HELP'
Usage: scripts/release.sh [--out DIR] [--target TRIPLE] [--storyteller DIR] [--help]

    --out DIR          receives lm-VERSION-TARGET.tar.gz (default target/archive)
    --target TRIPLE    the platform, if its Rust target is installed (default: this machine's)
    --storyteller DIR  the trained checkpoint to put in (default data/storyteller)

The same sources at the same place give the same bytes. Needs git and GNU tar.
HELP
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
target_dir="${CARGO_TARGET_DIR:-$root/target}"
host="$(rustc -vV | sed -n 's/^host: //p')"
out="$target_dir/archive" target="$host" storyteller="$root/data/storyteller"
while [ $# -gt 0 ]; do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --out) out="${2:?--out takes a directory}"; shift ;;
        --out=*) out="${1#--out=}" ;;
        --target) target="${2:?--target takes a target triple}"; shift ;;
        --target=*) target="${1#--target=}" ;;
        --storyteller) storyteller="${2:?--storyteller takes a directory}"; shift ;;
        --storyteller=*) storyteller="${1#--storyteller=}" ;;
        *) echo "error: unknown argument $1 (see --help)" >&2; exit 2 ;;
    esac
    shift
done
if [ ! -f "$storyteller/model.safetensors" ]; then
    echo "error: $storyteller: no checkpoint is there; give one with --storyteller DIR" >&2
    exit 1
fi
tar="$(command -v gtar || command -v tar)"
if ! "$tar" --version | grep -q GNU; then
    echo "error: $tar: not GNU tar, which alone can make an archive with sorted names" >&2
    exit 1
fi
mkdir -p "$out"
out="$(cd "$out" && pwd)" storyteller="$(cd "$storyteller" && pwd)"
cd "$root"
# The time of all files in the archive.
time="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
if [ -n "$(git status --porcelain)" ]; then
    echo "warning: there are uncommitted changes, which the archive has too" >&2
fi

# With --target, cargo builds into a folder of its own.
build=(--release --locked --package lm-cli --bin lm) bin="$target_dir/release"
if [ "$target" != "$host" ]; then
    build+=(--target "$target") bin="$target_dir/$target/release"
fi
cargo build "${build[@]}"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
version="$("$bin/lm" --version | cut -d' ' -f2)"
name="lm-$version-$target"
made="$work/$name"
mkdir -p "$made"/completions/{bash,fish,zsh} "$made/man/man1" "$made/storyteller"

# One program and four links of 3.6 MB; five programs would be 13.3 MB.
cp "$bin/lm" "$made/lm"
programs=(train-tokenizer encode train-model inference)
for program in "${programs[@]}"; do
    ln -s lm "$made/$program"
done
# The names are those under which the shells look for them.
for program in lm "${programs[@]}"; do
    "$bin/lm" completions bash --for "$program" >"$made/completions/bash/$program"
    "$bin/lm" completions fish --for "$program" >"$made/completions/fish/$program.fish"
    "$bin/lm" completions zsh --for "$program" >"$made/completions/zsh/_$program"
done
"$bin/lm" man --out "$made/man/man1"
# What a model needs to speak, without the state that only training needs.
for file in README.md config.json generation_config.json model.safetensors tokenizer.json \
    tokenizer_config.json vocab.json merges.txt; do
    if [ -f "$storyteller/$file" ]; then cp "$storyteller/$file" "$made/storyteller/"; fi
done
cp LICENSE "$made/"

# The newest version of the C library that the program asks for. A static one asks for none.
glibc="$(grep -aoE 'GLIBC_[0-9]+\.[0-9]+' "$bin/lm" | cut -d_ -f2 | sort -Vu | tail -n 1 || true)"
needs="nothing else"
if [ -n "$glibc" ]; then
    needs="glibc $glibc or newer (\`ldd --version\` shows yours) with libgcc"
fi
cat >"$made/README.md" <<README
# lm $version for $target

Language models from scratch: from a text to a tokenizer, tokens, a trained model, and text again.
It needs $needs. There is nothing to install:

    ./lm inference --checkpoint storyteller --prompt "Once upon a time"

- \`lm\`: \`./lm\` lists its commands in the order in which one needs them, \`./lm help encode\` the
  flags of one, with examples. \`train-tokenizer\`, \`encode\`, \`train-model\` and
  \`inference\` are links to it, under whose names it is that command. To call it from anywhere,
  copy \`lm\` (and the links, with \`cp -P\`) into a folder of your \`PATH\`, such as
  \`~/.local/bin\`.
- \`storyteller/\`: a small trained model; \`./lm inference -m storyteller\` opens a prompt.
- \`completions/\`: copy \`bash/*\` to \`~/.local/share/bash-completion/completions/\`,
  \`fish/*\` to \`~/.config/fish/completions/\`, \`zsh/*\` to a folder of your \`\$fpath\`.
- \`man/\`: \`man -l man/man1/lm.1\`, or copy \`man1/*\` to \`~/.local/share/man/man1/\`.
- \`LICENSE\`: MIT.
README

archive="$out/$name.tar.gz"
"$tar" --create --directory "$work" --sort=name --owner=0 --group=0 --numeric-owner \
    --mode=u=rwX,go=rX --mtime="@$time" --format=gnu "$name" | gzip -9n >"$archive.part"
mv "$archive.part" "$archive"

# A program of another platform may not run here.
if [ "$target" = "$host" ]; then
    mkdir "$work/empty"
    "$tar" --extract --directory "$work/empty" --file "$archive"
    cd "$work/empty/$name"
    for program in "${programs[@]}"; do
        [ "$(env -i PATH= "./$program" --version)" = "$program $version" ]
    done
    env -i PATH= ./lm inference --checkpoint storyteller --prompt "Once" --max-tokens 40 --seed 1
    echo
fi
echo "$archive: $(wc -c <"$archive") bytes" >&2
