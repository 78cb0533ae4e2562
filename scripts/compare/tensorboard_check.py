#!/usr/bin/env python3
"""Compares the event files of `train-model --tensorboard`, read by TensorBoard, with metrics.jsonl.

pip install tensorboard
scripts/compare/tensorboard_check.py runs/NAME
"""

import json
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

TAGS = {
    "train_loss": "loss/train",
    "val_loss": "loss/validation",
    "lr": "optimizer/learning_rate",
    "grad_norm": "optimizer/gradient_norm",
    "tokens_per_second": "speed/tokens_per_second",
    "tokens": "progress/tokens",
}


def main():
    run = pathlib.Path(sys.argv[1])
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    # A run without validation has no losses of it.
    tags = {field: tag for field, tag in TAGS.items() if any(field in line for line in lines)}
    assert sorted(events.Tags()["scalars"]) == sorted(tags.values()), events.Tags()
    for field, tag in tags.items():
        expected = [(line["step"], line[field]) for line in lines if field in line]
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        assert [step for step, _ in found] == [step for step, _ in expected], tag
        for (step, a), (_, b) in zip(found, expected):
            assert abs(a - b) <= 1e-6 * max(abs(b), 1e-30), (tag, step, a, b)
        print(f"{tag}: {len(found)} values agree")


if __name__ == "__main__":
    main()
