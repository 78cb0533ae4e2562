#!/usr/bin/env python3
"""Holds tokenizers and `encode` against Hugging Face's libraries and tiktoken.

    pip install tokenizers transformers tiktoken numpy
    scripts/compare/tokenizers_check.py ENCODE TOKENIZER_DIR [TEXT_FILE ...]

ENCODE is the program, TOKENIZER_DIR what train-tokenizer wrote. Besides the texts given, texts are
made up from pieces that tokenizers tend to disagree on. Each is encoded by
  - the program `encode`,
  - `tokenizers` from tokenizer.json,
  - `transformers.AutoTokenizer` from the directory,
  - `tiktoken` from tokenizer.tiktoken (train-tokenizer --format tiktoken) or else vocab.json, with
    the pattern and the special tokens of tokenizer.json,
and all ids must be the same. Exit status 0 if they are."""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import tiktoken
import tiktoken.load
import tokenizers
import transformers

PIECES = """the and there 's 'S 'll 'LL 've 'd 't a B é ß ſ 中文 русский عربي ½ Ⅷ ٣ 0 12 345 6789
! ?! … -- _ ' " ( ) {} = +
👍 👩‍🚀 🇪🇺 e\u0301 \u200d \u00ad \ufeff \u0000 \u007f""".split()
SPACES = [
    " ",
    "  ",
    "   ",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    " \n",
    "\n ",
    "\u00a0",
    "\u2003",
    "\u3000",
    "\u0085",
    "\u2028",
]
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def byte_of_character():
    """GPT-2's spelling: printable Latin-1 as it is, the other bytes from U+0100 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


def made_up(specials, count):
    rng = random.Random(1)
    pieces = PIECES + SPACES * 2 + specials
    return ["".join(rng.choices(pieces, k=rng.randrange(1, 40))) for _ in range(count)]


def by_program(program, directory, text):
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "text"), Path(folder, "tokens.npy")
        source.write_bytes(text.encode())
        subprocess.run(
            [program, "--tokenizer", directory, "--file", source, "--out", target, "--quiet"],
            check=True,
        )
        return numpy.load(target, mmap_mode="r").tolist()


def by_tiktoken(directory, description):
    vocab = json.loads(Path(directory, "vocab.json").read_text())
    specials = {token["content"]: token["id"] for token in description["added_tokens"]}
    file = Path(directory, "tokenizer.tiktoken")
    if file.exists():
        print(f"tiktoken reads {file.name}")
        # Else a copy of the first file of this name is kept, and read ever after.
        os.environ["TIKTOKEN_CACHE_DIR"] = ""
        ranks = tiktoken.load.load_tiktoken_bpe(str(file))
    else:
        bytes_of = byte_of_character()
        ranks = {bytes(bytes_of[c] for c in s): i for s, i in vocab.items() if s not in specials}
    pre_tokenizer = description["pre_tokenizer"]
    pattern = GPT2
    if pre_tokenizer["type"] == "Sequence":
        pattern = pre_tokenizer["pretokenizers"][0]["pattern"]["Regex"]
    return tiktoken.Encoding(
        "ours", pat_str=pattern, mergeable_ranks=ranks, special_tokens=specials
    )


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, directory, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    description = json.loads(Path(directory, "tokenizer.json").read_text())
    specials = [token["content"] for token in description["added_tokens"]]
    fast = tokenizers.Tokenizer.from_file(str(Path(directory, "tokenizer.json")))
    auto = transformers.AutoTokenizer.from_pretrained(directory)
    tik = by_tiktoken(directory, description)
    rivals = {
        "tokenizers": lambda text: fast.encode(text, add_special_tokens=False).ids,
        "transformers": lambda text: auto.encode(text, add_special_tokens=False),
        "tiktoken": lambda text: tik.encode(text, allowed_special="all"),
    }
    texts = made_up(specials, 3000)
    # One run of the program for all made-up texts: a special token keeps them apart.
    apart = specials[0] if specials else "\n"
    texts = [apart.join(texts)] + [Path(name).read_bytes().decode() for name in files]
    failed = False
    for text in texts:
        ours = by_program(program, directory, text)
        for name, encode in rivals.items():
            theirs = encode(text)
            if theirs != ours:
                failed = True
                at = next(
                    (i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b),
                    min(len(ours), len(theirs)),
                )
                print(
                    f"{name} differs at token {at}: "
                    f"ours {ours[at : at + 8]}, theirs {theirs[at : at + 8]}"
                )
                print(
                    f"  after {fast.decode(ours[max(0, at - 8) : at], skip_special_tokens=False)!r}"
                )
        if auto.decode(ours, clean_up_tokenization_spaces=False) != text:
            failed = True
            print("transformers does not decode to the text")
        print(f"{len(text)} characters, {len(ours)} tokens: compared with {', '.join(rivals)}")
    print("DIFFERENT" if failed else "all the same")
    sys.exit(failed)


if __name__ == "__main__":
    main()
