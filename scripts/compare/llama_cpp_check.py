#!/usr/bin/env python3
"""Checks that a checkpoint means the same to llama.cpp as it does to our `inference`.

    pip install llama-cpp-python numpy      (in a virtual environment outside the project)
    scripts/compare/llama_cpp_check.py CHECKPOINT TEXT [--programs target/release]

Writes CHECKPOINT as a GGUF file with the example `export-gguf`, and compares on the beginning of TEXT:

1. token ids: ours, and those of llama.cpp from the tokenizer in the file;
2. log-probabilities: `inference --score --json` against llama.cpp's logits, token by token;
3. greedy text: `inference --temperature 0` against the likeliest token, one by one.

Exit status 0 if all agree, 1 if one does not.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from llama_cpp import Llama


def run(*command, prompt=""):
    """Standard output of one of our programs, given the prompt on standard input."""
    done = subprocess.run([str(word) for word in command], input=prompt.encode(), capture_output=True)
    if done.returncode != 0:
        sys.exit(f"error: {command[0]} gave status {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


def verdict(name, good, detail):
    print(f"{name}: {detail}: {'agree' if good else 'DIFFER'}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("text", type=pathlib.Path)
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--programs", type=pathlib.Path, default=root / "target/release", help="default: %(default)s")
    parser.add_argument("--bytes", type=int, default=600, help="of the text to score (default: %(default)s)")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="on a log-probability (default: %(default)s)")
    args = parser.parse_args()

    ours = [args.programs / "inference", "--checkpoint", args.checkpoint, "--prompt", "-", "--precision", "f32", "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "model.gguf"
        run(args.programs / "examples/export-gguf", "--checkpoint", args.checkpoint, "--out", file)
        llama = Llama(str(file), n_ctx=0, logits_all=True, verbose=False)

        text = args.text.read_bytes()[: args.bytes].decode(errors="ignore")
        score = json.loads(run(*ours, "--score", "--json", prompt=text))
        ids = llama.tokenize(text.encode(), add_bos=False, special=True)
        same_ids = verdict("token ids", ids == score["tokens"], f"{len(score['tokens'])} ours, {len(ids)} theirs")

        ids = score["tokens"][: llama.n_ctx()]
        llama.eval(ids)
        logits = np.array(llama.scores[: len(ids)], dtype=np.float64)
        logits -= logits.max(-1, keepdims=True)
        logprobs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        theirs = logprobs[np.arange(len(ids) - 1), ids[1:]]
        difference = np.abs(theirs - np.array(score["logprobs"][1 : len(ids)]))
        same_logprobs = verdict(
            "log-probabilities",
            difference.max() <= args.tolerance,
            f"{len(ids)} tokens, largest difference {difference.max():.2e} (allowed {args.tolerance:.0e})",
        )

        prompt = text[: len(text) // 8]
        sample = json.loads(run(*ours, "--temperature", 0, "--max-tokens", 60, "--json", prompt=prompt))
        llama.reset()
        llama.eval(llama.tokenize(prompt.encode(), add_bos=False, special=True))
        greedy = []
        while len(greedy) < len(sample["tokens"]):
            greedy.append(int(np.argmax(llama.scores[llama.n_tokens - 1])))
            llama.eval(greedy[-1:])
        same_text = verdict("greedy text", greedy == sample["tokens"], f"{len(greedy)} tokens")
    sys.exit(0 if same_ids and same_logprobs and same_text else 1)


if __name__ == "__main__":
    main()
