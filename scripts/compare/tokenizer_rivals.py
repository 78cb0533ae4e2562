#!/usr/bin/env python3
"""Times our tokenizer programs and other tokenizers on one text, and prints a table in Markdown.

    pip install tokenizers tiktoken rustbpe gigatoken awkward numpy
    scripts/compare/tokenizer_rivals.py BIN_DIR FILE [--vocab-size N] [--rounds N]
                                        [--only NAME,NAME...]

BIN_DIR holds our train-tokenizer and encode. Ours are timed as whole processes, from the file to
the finished files. Of the others only the call that trains or encodes counts: not the start of
Python, not reading the text where the call takes strings, not writing results. Two times are given
for their encoding: the first call, and the best of two more, which find their caches filled. Each
round runs all programs in turn, so that a busy moment of the machine affects all of them; the
table shows medians. gigatoken encodes the whole file itself; the others get the text cut at
<|endoftext|>."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

END = "<|endoftext|>"
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


# What runs in a process of its own: prepare, then return the call to be timed.


def train_tokenizers(path, size, _):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    return lambda: tokenizer.train([path], trainer)


def train_rustbpe(path, size, _):
    import rustbpe

    def pieces():
        with open(path, encoding="utf-8", errors="replace") as file:
            while lines := file.readlines(1 << 16):
                yield "".join(lines)

    return lambda: rustbpe.Tokenizer().train_from_iterator(pieces(), size, pattern=GPT2)


def train_gigatoken(path, size, _):
    import gigatoken

    source = gigatoken.TextFileSource([path], separator=END)
    return lambda: gigatoken.train_bpe(source, size, [END])


def documents(path):
    return Path(path).read_text(encoding="utf-8", errors="replace").split(END)


def encode_tokenizers(path, _, tokenizer):
    from tokenizers import Tokenizer

    loaded, texts = Tokenizer.from_file(str(tokenizer / "tokenizer.json")), documents(path)
    return lambda: loaded.encode_batch_fast(texts, add_special_tokens=False)


def encode_tiktoken(path, _, tokenizer):
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe

    # Else a copy of the first file of this name is kept, and read ever after.
    os.environ["TIKTOKEN_CACHE_DIR"] = ""
    ranks, texts = load_tiktoken_bpe(str(tokenizer / "tokenizer.tiktoken")), documents(path)
    encoding = tiktoken.Encoding(
        "ours", pat_str=GPT2, mergeable_ranks=ranks, special_tokens={END: 256}
    )
    return lambda: encoding.encode_ordinary_batch(texts, num_threads=os.cpu_count())


def encode_gigatoken(path, _, tokenizer):
    import gigatoken

    loaded = gigatoken.Tokenizer(str(tokenizer / "tokenizer.json"))
    source = gigatoken.TextFileSource([path], separator=END)
    return lambda: loaded.encode_files(source)


CALLS = {
    ("train", "tokenizers"): train_tokenizers,
    ("train", "rustbpe"): train_rustbpe,
    ("train", "gigatoken"): train_gigatoken,
    ("encode", "tokenizers"): encode_tokenizers,
    ("encode", "tiktoken"): encode_tiktoken,
    ("encode", "gigatoken"): encode_gigatoken,
}


def inside(what, name, path, size, tokenizer):
    """Times the call in this process; encoding three times."""
    call = CALLS[what, name](path, size, Path(tokenizer))
    seconds = []
    for _ in range(3 if what == "encode" else 1):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    print("\n" + json.dumps(seconds))


def outside(command, **options):
    """Runs a command: its output, seconds, and peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **options
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        return None
    return output, time.perf_counter() - start, usage.ru_maxrss / 1000


def run(what, name, options, folder):
    """One measurement: [first, best of the next, MB]; None if the program is missing or failed."""
    tokenizer = folder / "tokenizer"
    if name == "lm":
        if what == "train":
            out = [
                "--dataset",
                options.file,
                "--vocab-size",
                str(options.vocab_size),
                "--out",
                tokenizer,
            ]
            command = [options.bin_dir / "train-tokenizer", *out, "--format", "tiktoken"]
        else:
            tokens = folder / "tokens.npy"
            # Giving up the pages of the round before is not part of encoding.
            tokens.unlink(missing_ok=True)
            out = ["--file", options.file, "--out", tokens]
            command = [options.bin_dir / "encode", "--tokenizer", tokenizer, *out]
        found = outside([str(part) for part in command])
        return found and [found[1], found[1], found[2]]
    arguments = [what, name, options.file, str(options.vocab_size), str(tokenizer)]
    found = outside([sys.executable, __file__, "--inside", *arguments])
    if found is None:
        return None
    seconds = json.loads(found[0].splitlines()[-1])
    return [seconds[0], min(seconds[1:], default=seconds[0]), found[2]]


def main():
    if sys.argv[1:2] == ["--inside"]:
        what, name, path, size, tokenizer = sys.argv[2:]
        return inside(what, name, path, int(size), tokenizer)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bin_dir", type=Path)
    parser.add_argument("file")
    parser.add_argument("--vocab-size", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="tokenizers,rustbpe,tiktoken,gigatoken,lm")
    options = parser.parse_args()
    names = options.only.split(",")
    megabytes = os.path.getsize(options.file) / 1e6
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        # Ours first: the others' encoders read the tokenizer that it makes.
        if run("train", "lm", options, folder) is None:
            sys.exit("train-tokenizer failed")
        for round in range(options.rounds):
            for what in ["train", "encode"]:
                for name in names:
                    if (what, name) in CALLS or name == "lm":
                        print(f"round {round + 1}: {name} {what}", file=sys.stderr)
                        found.setdefault((what, name), []).append(run(what, name, options, folder))

    def cell(what, name, which):
        runs = found.get((what, name))
        if runs is None:
            return "–"
        if None in runs:
            return "failed"
        value = statistics.median(run[which] for run in runs)
        return f"{value:.0f} MB" if which == 2 else f"{value:.2f} s ({megabytes / value:.0f} MB/s)"

    print(
        f"{options.file}: {megabytes:.0f} MB, {options.vocab_size} tokens, "
        f"medians of {options.rounds}\n"
    )
    print(
        "| | train | memory | encode, first | encode, again | memory |\n|---|---|---|---|---|---|"
    )
    for name in names:
        cells = [cell("train", name, 0), cell("train", name, 2)]
        cells += [cell("encode", name, which) for which in (0, 1, 2)]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
