#!/usr/bin/env python3
"""Measures a training step of the default model in PyTorch, for scripts/bench-training.sh.

    pip install torch
    scripts/compare/torch_step.py [--mode eager|compile] [--precision f32|bf16] [--batch-size N]
                                  [--steps N] [--threads N]

The same architecture (pre-norm RMSNorm, RoPE, SwiGLU, no biases, output layer not tied), AdamW in
its fused form, clipping at 1, random tokens. Attention is PyTorch's own fused one. Prints one JSON
object: median seconds per step after two steps to warm up (with `compile` the first of them
compiles), tokens per second, and the peak memory of the process in bytes."""

import argparse
import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

VOCAB_SIZE, CONTEXT, D_MODEL, LAYERS, HEADS, D_FF, THETA = 10_000, 256, 512, 4, 16, 1344, 10_000.0


def linear(d_in, d_out):
    return nn.Linear(d_in, d_out, bias=False)


def rotate(x, cos, sin):
    """RoPE on the two halves of each head; x is (B, H, T, D)."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1).to(x.dtype)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_norm = nn.RMSNorm(D_MODEL, eps=1e-5)
        self.q, self.k, self.v, self.o = (linear(D_MODEL, D_MODEL) for _ in range(4))
        self.feed_forward_norm = nn.RMSNorm(D_MODEL, eps=1e-5)
        self.gate, self.up, self.down = (
            linear(D_MODEL, D_FF),
            linear(D_MODEL, D_FF),
            linear(D_FF, D_MODEL),
        )

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape
        h = self.attention_norm(x)
        q, k, v = (
            f(h).view(batch, length, HEADS, -1).transpose(1, 2) for f in (self.q, self.k, self.v)
        )
        h = F.scaled_dot_product_attention(
            rotate(q, cos, sin), rotate(k, cos, sin), v, is_causal=True
        )
        x = x + self.o(h.transpose(1, 2).reshape(batch, length, D_MODEL))
        h = self.feed_forward_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB_SIZE, D_MODEL)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm, self.output = nn.RMSNorm(D_MODEL, eps=1e-5), linear(D_MODEL, VOCAB_SIZE)
        half = D_MODEL // HEADS // 2
        angles = torch.arange(CONTEXT)[:, None] / THETA ** (torch.arange(half) / half)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, ids):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return self.output(self.norm(x))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", choices=["eager", "compile"], default="eager")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    model = Transformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    forward = torch.compile(model) if args.mode == "compile" else model
    seconds = []
    for _ in range(args.steps + 2):
        ids = torch.randint(0, VOCAB_SIZE, (args.batch_size, CONTEXT + 1))
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.precision == "bf16"):
            logits = forward(ids[:, :-1])
        F.cross_entropy(logits.float().view(-1, VOCAB_SIZE), ids[:, 1:].reshape(-1)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    median = sorted(seconds[2:])[args.steps // 2]
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(
        json.dumps(
            {
                "seconds": median,
                "tokens_per_second": args.batch_size * CONTEXT / median,
                "peak_bytes": peak,
            }
        )
    )


if __name__ == "__main__":
    main()
