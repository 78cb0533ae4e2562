#!/usr/bin/env python3
"""Checks that a checkpoint means the same to `transformers` as it does to our `inference`.

    pip install torch transformers          (in a virtual environment outside the project)
    scripts/compare/transformers_check.py CHECKPOINT TEXT [--inference target/release/inference]

CHECKPOINT is a directory that AutoModelForCausalLM and AutoTokenizer load as it stands; TEXT is a
file whose beginning is scored. Three things are compared, in f32:

1. token ids: ours for the text, and the tokenizer's;
2. log-probabilities: `inference --score --json` against the logits of transformers, token by token;
3. greedy text: `inference --temperature 0` against `generate(do_sample=False)`.

Exit status 0 if all agree, 1 if one does not.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

END_OF_TEXT = "<|endoftext|>"


def run_inference(args, *flags, prompt):
    """Standard output of our program, given the prompt on standard input."""
    command = [
        args.inference,
        "--checkpoint",
        args.checkpoint,
        "--prompt",
        "-",
        "--precision",
        "f32",
        "--quiet",
        *flags,
    ]
    done = subprocess.run(command, input=prompt.encode(), capture_output=True)
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace")
        sys.exit(f"error: {' '.join(command)} gave status {done.returncode}: {message}")
    return done.stdout.decode(errors="replace")


def beginning(tokenizer, text, count):
    """The text of the first `count` tokens, cut back to whole characters."""
    return tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids[:count]).rstrip(
        "\ufffd"
    )


def check_ids(tokenizer, text, ours):
    theirs = tokenizer(text, add_special_tokens=False).input_ids
    same = theirs == ours
    print(
        f"token ids: {len(ours)} ours, {len(theirs)} theirs, {'identical' if same else 'DIFFERENT'}"
    )
    return same


def check_logprobs(model, ids, ours, tolerance):
    if len(ours) != len(ids) or ours[0] is not None:
        print(
            f"log-probabilities: {len(ours)} values for {len(ids)} tokens, "
            f"the first is {ours[:1]}: MALFORMED"
        )
        return False
    tokens = torch.tensor([ids])
    with torch.no_grad():
        logprobs = model(tokens).logits.double().log_softmax(-1)
    theirs = logprobs[0, :-1].gather(-1, tokens[0, 1:, None])[:, 0]
    difference = (theirs - torch.tensor(ours[1:], dtype=torch.float64)).abs()
    worst = int(difference.argmax())
    good = bool(difference.max() <= tolerance)
    print(
        f"log-probabilities: {len(ids)} tokens, "
        f"largest difference {difference.max():.2e} at token {worst + 1} "
        f"(mean {difference.mean():.2e}, allowed {tolerance:.0e}): {'agree' if good else 'DIFFER'}"
    )
    return good


def check_perplexity(ours, reported):
    expected = math.exp(-sum(ours[1:]) / (len(ours) - 1))
    good = math.isclose(expected, reported, rel_tol=1e-4)
    print(
        f"perplexity: {reported:.4f} reported, {expected:.4f} from the values: "
        f"{'agree' if good else 'DIFFER'}"
    )
    return good


def check_greedy(args, model, tokenizer, prompt, max_tokens):
    ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
    end = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    with torch.no_grad():
        out = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=max_tokens,
            eos_token_id=end,
            pad_token_id=end,
            # What a checkpoint suggests for sampling has no place here.
            temperature=None,
            top_p=None,
            top_k=None,
        )
    new = [token for token in out[0, ids.shape[1] :].tolist() if token != end]
    theirs = prompt + tokenizer.decode(new, clean_up_tokenization_spaces=False)
    ours = run_inference(args, "--temperature", "0", "--max-tokens", str(max_tokens), prompt=prompt)
    # The program may end its output with a line break; the last token may hold half a character.
    ours, theirs = (text.removesuffix("\n").rstrip("\ufffd") for text in (ours, theirs))
    same = ours == theirs
    print(
        f"greedy text: {len(new)} tokens after {ids.shape[1]}: "
        f"{'identical' if same else 'DIFFERENT'}"
    )
    if not same:
        at = next(
            (i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs))
        )
        print(
            f"  from character {at} on\n"
            f"  ours:   {ours[at : at + 80]!r}\n  theirs: {theirs[at : at + 80]!r}"
        )
    return same


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint")
    parser.add_argument("text", type=pathlib.Path)
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument(
        "--inference", default=str(root / "target/release/inference"), help="default: %(default)s"
    )
    parser.add_argument(
        "--tokens", type=int, default=200, help="tokens to score (default: %(default)s)"
    )
    parser.add_argument(
        "--tolerance", type=float, default=1e-3, help="on a log-probability (default: %(default)s)"
    )
    args = parser.parse_args()

    model = AutoModelForCausalLM.from_pretrained(args.checkpoint, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(args.checkpoint)
    window = model.config.max_position_embeddings
    print(
        f"{type(model).__name__}, {model.num_parameters():,} parameters, context {window}, "
        f"{len(tokenizer)} tokens"
    )

    # Beyond the context length the two would slide their windows differently: all stays inside.
    text = beginning(tokenizer, args.text.read_text(encoding="utf-8"), min(args.tokens, window))
    score = json.loads(run_inference(args, "--score", "--json", prompt=text))
    prompt = beginning(tokenizer, text, min(16, window // 4))
    prompt_tokens = len(tokenizer(prompt, add_special_tokens=False).input_ids)
    checks = [
        check_ids(tokenizer, text, score["tokens"]),
        check_logprobs(model, score["tokens"], score["logprobs"], args.tolerance),
        check_perplexity(score["logprobs"], score["perplexity"]),
        check_greedy(args, model, tokenizer, prompt, min(args.tokens, window - prompt_tokens)),
    ]
    sys.exit(0 if all(checks) else 1)


if __name__ == "__main__":
    main()
