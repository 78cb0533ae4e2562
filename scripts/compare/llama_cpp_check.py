#!/usr/bin/env python3
"""Checks that a checkpoint means the same to llama.cpp as it does to our `inference`.

    pip install xllamacpp      (llama.cpp's server; in a virtual environment outside the project)
    scripts/compare/llama_cpp_check.py CHECKPOINT TEXT [--programs target/release]

Writes CHECKPOINT as a GGUF file with the example `export-gguf`, and compares on the beginning of
TEXT:

1. token ids: ours, and those of llama.cpp from the tokenizer in the file;
2. log-probabilities: `inference --score --json` against llama.cpp's, of each token after all that
   are before it;
3. greedy text: `inference --temperature 0` against llama.cpp's at temperature 0.

Exit status 0 if all agree, 1 if one does not.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

import xllamacpp


def run(*command, prompt=""):
    """Standard output of one of our programs, given the prompt on standard input."""
    done = subprocess.run(
        [str(word) for word in command], input=prompt.encode(), capture_output=True
    )
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace")
        sys.exit(f"error: {command[0]} gave status {done.returncode}: {message}")
    return done.stdout.decode(errors="replace")


class LlamaCpp:
    """A model in llama.cpp's own server."""

    def __init__(self, file):
        params = xllamacpp.CommonParams()
        params.model.path = str(file)
        params.n_ctx = 0  # the model's own
        params.n_parallel = 1
        params.verbosity = 0
        # Keys, values and attention in f32, as ours.
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.server = xllamacpp.Server(params)

    def post(self, path, **body):
        request = urllib.request.Request(
            self.server.listening_address + path,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def tokenize(self, text):
        return self.post("/tokenize", content=text, add_special=False, parse_special=True)["tokens"]

    def greedy(self, ids, max_tokens):
        """The likeliest tokens after `ids`, one by one."""
        return self.post(
            "/completion", prompt=ids, n_predict=max_tokens, temperature=0, return_tokens=True
        )["tokens"]

    def logprob(self, before, token):
        """The log-probability of `token` after the ids `before`, or None: the server returns none
        where the likeliest token ends inside a character."""
        answer = self.post(
            "/completion", prompt=before, n_predict=1, temperature=0, n_probs=1 << 20
        )
        for place in answer.get("completion_probabilities", []):
            return next(each["logprob"] for each in place["top_logprobs"] if each["id"] == token)


def verdict(name, good, detail):
    print(f"{name}: {detail}: {'agree' if good else 'DIFFER'}")
    return good


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("text", type=pathlib.Path)
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument(
        "--programs",
        type=pathlib.Path,
        default=root / "target/release",
        help="default: %(default)s",
    )
    parser.add_argument(
        "--bytes", type=int, default=20000, help="of the text to tokenize (default: %(default)s)"
    )
    parser.add_argument(
        "--tokens",
        type=int,
        default=64,
        help="to score, and to write, in half a context at most (default: %(default)s)",
    )
    parser.add_argument(
        "--tolerance", type=float, default=1e-4, help="on a log-probability (default: %(default)s)"
    )
    args = parser.parse_args()

    ours = [
        args.programs / "inference",
        "--checkpoint",
        args.checkpoint,
        "--prompt",
        "-",
        "--precision",
        "f32",
        "--quiet",
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "model.gguf"
        run(args.programs / "examples/export-gguf", "--checkpoint", args.checkpoint, "--out", file)
        llama = LlamaCpp(file)

        text = args.text.read_bytes()[: args.bytes].decode(errors="ignore")
        score = json.loads(run(*ours, "--score", "--json", prompt=text))
        ids, theirs = score["tokens"], llama.tokenize(text)
        same_ids = verdict(
            "token ids",
            ids == theirs,
            f"{len(text)} characters, {len(ids)} tokens ours, {len(theirs)} theirs",
        )

        ids = ids[: args.tokens]
        pairs = [
            (llama.logprob(ids[:at], ids[at]), score["logprobs"][at]) for at in range(1, len(ids))
        ]
        differences = [abs(theirs - ours) for theirs, ours in pairs if theirs is not None]
        same_logprobs = verdict(
            "log-probabilities",
            differences and max(differences) <= args.tolerance,
            f"{len(differences)} tokens, largest difference {max(differences, default=0):.2e} "
            f"(allowed {args.tolerance:.0e})",
        )

        prompt = text[:20]
        sample = json.loads(
            run(*ours, "--temperature", 0, "--max-tokens", args.tokens, "--json", prompt=prompt)
        )
        greedy = llama.greedy(llama.tokenize(prompt), len(sample["tokens"]))
        same_text = verdict(
            "greedy text", greedy == sample["tokens"], f"{len(greedy)} tokens after {prompt!r}"
        )
    sys.exit(0 if same_ids and same_logprobs and same_text else 1)


if __name__ == "__main__":
    main()
