#!/usr/bin/env python3
"""Trains the architecture of `train-model` in PyTorch on the same token files, to compare both.

    pip install torch numpy
    scripts/compare/torch_train.py --train train.npy --val valid.npy --vocab-size 2000 --seed 0 \\
                                   --out runs/torch-0

Same hyper-parameters, same distribution of the first weights, same windows in the same order for
the same seed (ChaCha8, see crates/cli/src/data/batches.rs), same schedule, clipping and AdamW. The
first weights themselves differ, as the generators do, unless train-model starts from those that
--save-first writes.

Writes metrics.jsonl in the format of train-model, so that the example `compare-runs` draws both."""

import argparse
import json
import math
import pathlib
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def chacha8(seed: int, stream: int, first_block: int, blocks: int) -> np.ndarray:
    """Words of the ChaCha8 key stream whose key is the seed's eight bytes, then zeros.

    A block has 16 words."""
    state = np.zeros((16, blocks), dtype=np.uint32)
    state[:4] = np.frombuffer(b"expand 32-byte k", dtype="<u4")[:, None]
    state[4], state[5] = seed & 0xFFFFFFFF, seed >> 32
    counter = np.arange(first_block, first_block + blocks, dtype=np.uint64)
    state[12], state[13] = (
        (counter & 0xFFFFFFFF).astype(np.uint32),
        (counter >> np.uint64(32)).astype(np.uint32),
    )
    state[14], state[15] = stream & 0xFFFFFFFF, stream >> 32
    x = state.copy()

    def quarter(a, b, c, d):
        for into, other, turned, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[into] += x[other]
            word = x[turned] ^ x[into]
            x[turned] = (word << np.uint32(bits)) | (word >> np.uint32(32 - bits))

    for _ in range(4):
        for column in range(4):
            quarter(column, 4 + column, 8 + column, 12 + column)
        for diagonal in range(4):
            quarter(
                diagonal, 4 + (diagonal + 1) % 4, 8 + (diagonal + 2) % 4, 12 + (diagonal + 3) % 4
            )
    return (x + state).T.reshape(-1)


def window_starts(seed: int, index: int, rows: int, windows: int) -> list[int]:
    """Where the windows of batch `index` begin; what train-model draws for the same seed."""
    first = index * rows * 2
    block = first // 16
    words = chacha8(seed, 1, block, (first + rows * 2 + 15) // 16 - block)[first - 16 * block :]
    draws = [int(words[2 * row]) | int(words[2 * row + 1]) << 32 for row in range(rows)]
    return [draw * windows >> 64 for draw in draws]


class Linear(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        std = math.sqrt(2 / (d_in + d_out))
        self.weight = nn.Parameter(torch.empty(d_out, d_in))
        nn.init.trunc_normal_(self.weight, 0, std, -3 * std, 3 * std)

    def forward(self, x):
        return F.linear(x, self.weight)


class RmsNorm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))

    def forward(self, x):
        return F.rms_norm(x.float(), self.weight.shape, self.weight, 1e-5)


def rotate(x, cos, sin):
    """RoPE on the two halves of a head, as in Hugging Face's Llama."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(x.dtype)


class Block(nn.Module):
    def __init__(self, d, heads, d_ff):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = RmsNorm(d), RmsNorm(d)
        self.q, self.k, self.v, self.o = (Linear(d, d) for _ in range(4))
        self.gate, self.up, self.down = Linear(d, d_ff), Linear(d, d_ff), Linear(d_ff, d)

    def forward(self, x, cos, sin):
        B, T, C = x.shape
        h = self.norm1(x)
        q, k, v = (
            p(h).view(B, T, self.heads, C // self.heads).transpose(1, 2)
            for p in (self.q, self.k, self.v)
        )
        q, k = rotate(q, cos[:T], sin[:T]), rotate(k, cos[:T], sin[:T])
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(y.transpose(1, 2).reshape(B, T, C))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Transformer(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.embedding = nn.Embedding(a.vocab_size, a.d_model)
        nn.init.trunc_normal_(self.embedding.weight, 0, 1, -3, 3)
        self.blocks = nn.ModuleList(
            [Block(a.d_model, a.num_heads, a.d_ff) for _ in range(a.num_layers)]
        )
        self.norm, self.head = RmsNorm(a.d_model), Linear(a.d_model, a.vocab_size)
        d_head = a.d_model // a.num_heads
        frequency = a.rope_theta ** (-torch.arange(0, d_head, 2) / d_head)
        angle = torch.arange(a.context_length)[:, None] * frequency
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, ids):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return self.head(self.norm(x))


def lr_at(step, a):
    """The rate of a step, counted from 0.

    Linear warm-up from 0, then a cosine that reaches min-lr at the last step."""
    last = a.steps - 1
    if step < a.warmup_steps:
        return a.lr * step / a.warmup_steps
    if step >= last:
        return a.min_lr
    progress = (step - a.warmup_steps) / (last - a.warmup_steps)
    return a.min_lr + (a.lr - a.min_lr) * 0.5 * (1 + math.cos(math.pi * progress))


def loss_of(model, ids, targets, a):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.bf16):
        logits = model(ids)
    return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())


@torch.no_grad()
def validate(model, tokens, a):
    """Mean loss over the whole set in consecutive windows.

    Every token but the first is predicted exactly once."""
    T, total, predicted = a.context_length, 0.0, len(tokens) - 1
    whole = predicted // T
    cuts = [
        (first * T, min(a.batch_size, whole - first), T) for first in range(0, whole, a.batch_size)
    ]
    if predicted % T:
        cuts.append((whole * T, 1, predicted % T))
    for start, rows, time_ in cuts:
        ids = tokens[start : start + rows * time_].view(rows, time_)
        targets = tokens[start + 1 : start + 1 + rows * time_].view(rows, time_)
        total += loss_of(model, ids, targets, a).item() * targets.numel()
    return total / predicted


def save_llama(model, a, directory):
    """Writes the weights as a Llama directory, for `train-model --init-from`."""
    from safetensors.torch import save_file

    names = {
        "norm1.weight": "input_layernorm.weight",
        "norm2.weight": "post_attention_layernorm.weight",
        **{f"{name}.weight": f"self_attn.{name}_proj.weight" for name in "qkvo"},
        **{f"{name}.weight": f"mlp.{name}_proj.weight" for name in ("gate", "up", "down")},
    }
    outside = {
        "embedding.weight": "model.embed_tokens.weight",
        "norm.weight": "model.norm.weight",
        "head.weight": "lm_head.weight",
    }

    def renamed(name):
        if name in outside:
            return outside[name]
        _, layer, inside = name.split(".", 2)
        return f"model.layers.{layer}.{names[inside]}"

    directory.mkdir(parents=True, exist_ok=True)
    weights = {
        renamed(name): tensor.detach().contiguous() for name, tensor in model.state_dict().items()
    }
    save_file(weights, directory / "model.safetensors", {"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": a.vocab_size,
        "hidden_size": a.d_model,
        "intermediate_size": a.d_ff,
        "num_hidden_layers": a.num_layers,
        "num_attention_heads": a.num_heads,
        "num_key_value_heads": a.num_heads,
        "max_position_embeddings": a.context_length,
        "rms_norm_eps": 1e-5,
        "rope_theta": a.rope_theta,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
    }
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def train(a):
    torch.manual_seed(a.seed)
    if a.threads:
        torch.set_num_threads(a.threads)
    tokens, val = (torch.from_numpy(np.load(path).astype(np.int64)) for path in (a.train, a.val))
    model = Transformer(a)
    if a.save_first:
        save_llama(model, a, a.save_first)
    betas = (a.beta1, a.beta2)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=a.lr, betas=betas, eps=a.eps, weight_decay=a.weight_decay, fused=True
    )
    run = torch.compile(model) if a.compile else model
    a.out.mkdir(parents=True, exist_ok=True)
    (a.out / "config.json").write_text(
        json.dumps({k: str(v) for k, v in vars(a).items()}, indent=2) + "\n"
    )
    T, B = a.context_length, a.batch_size
    began, training, since = time.time(), 0.0, (0, 0.0)
    with open(a.out / "metrics.jsonl.unfinished", "w") as lines:
        for step in range(a.steps):
            started = time.time()
            starts = window_starts(a.seed, step, B, len(tokens) - T)
            ids = torch.stack([tokens[start : start + T] for start in starts])
            targets = torch.stack([tokens[start + 1 : start + 1 + T] for start in starts])
            lr = lr_at(step, a)
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(run, ids, targets, a)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), a.grad_clip)
            optimizer.step()
            loss = loss.item()
            if not math.isfinite(loss):
                sys.exit(f"error: the loss of step {step + 1} is {loss}")
            training += time.time() - started
            done = step + 1
            evaluates = done % a.eval_every == 0 or done == a.steps
            if evaluates or done == 1 or done % a.log_every == 0:
                speed = (done - since[0]) * B * T / (training - since[1])
                since = (done, training)
                line = {"step": done, "tokens": done * B * T, "train_loss": loss}
                if evaluates:
                    line["val_loss"] = validate(model, val, a)
                line |= {"lr": lr, "grad_norm": norm.item(), "tokens_per_second": speed}
                line["seconds"] = time.time() - began
                print(json.dumps(line), file=lines, flush=True)
                print(
                    f"step {done} of {a.steps}: loss {loss:.4f}, {speed:.0f} tokens/s",
                    line.get("val_loss", ""),
                    flush=True,
                )
    (a.out / "metrics.jsonl.unfinished").rename(a.out / "metrics.jsonl")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", type=pathlib.Path, required=True, help="token file, .npy")
    parser.add_argument("--val", type=pathlib.Path, required=True, help="token file, .npy")
    parser.add_argument(
        "--out", type=pathlib.Path, required=True, help="directory for metrics.jsonl"
    )
    for name, default in {
        "vocab-size": 10000,
        "context-length": 256,
        "d-model": 512,
        "num-heads": 16,
        "num-layers": 4,
        "d-ff": 1344,
        "batch-size": 32,
        "steps": 5000,
        "eval-every": 100,
        "log-every": 10,
        "seed": 0,
        "threads": 0,
    }.items():
        parser.add_argument("--" + name, type=int, default=default)
    for name, default in {
        "lr": 1e-3,
        "rope-theta": 1e4,
        "grad-clip": 1.0,
        "beta1": 0.9,
        "beta2": 0.999,
        "eps": 1e-8,
        "weight-decay": 0.01,
    }.items():
        parser.add_argument("--" + name, type=float, default=default)
    parser.add_argument("--min-lr", type=float, help="default: lr / 100")
    parser.add_argument("--warmup-steps", type=int, help="default: 2 %% of the steps")
    parser.add_argument(
        "--save-first",
        type=pathlib.Path,
        metavar="DIR",
        help="write the first weights there, for train-model --init-from: then both differ in "
        "rounding only (needs safetensors)",
    )
    parser.add_argument("--bf16", action="store_true", help="bfloat16 autocast")
    parser.add_argument("--compile", action="store_true", help="torch.compile")
    a = parser.parse_args()
    a.min_lr = a.lr / 100 if a.min_lr is None else a.min_lr
    a.warmup_steps = a.steps // 50 if a.warmup_steps is None else a.warmup_steps
    return a


if __name__ == "__main__":
    train(arguments())
