#!/usr/bin/env python3
"""Measures how fast llama.cpp reads and writes tokens with a GGUF file.

    pip install xllamacpp gguf numpy
    scripts/compare/llama_cpp_speed.py FILE.gguf [--type F32|BF16|F16|Q8_0] [--threads N]
        [--prompt-tokens N] [--gen-tokens N] [--runs N]

With --type the matrices of the file are stored in that type first. Prints a line of JSON:
tokens per second of reading a prompt, and of writing a text after one token. Both are medians.
Settings are llama.cpp's own, but for one slot and no cache of prompts, at temperature 0.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile
import urllib.request

try:
    import gguf
    import gguf.quants
    import numpy
    import xllamacpp
except ImportError as error:
    sys.exit(
        f"error: {error}; this Python needs it: pip install xllamacpp gguf numpy, in a virtual "
        "environment, or give another Python"
    )

# The numbers of types in `general.file_type`.
FILE_TYPES = {"F32": 0, "F16": 1, "Q8_0": 7, "BF16": 32}


def requantize(source, target, name):
    """Writes the file `source` with its matrices in another type."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, "llama")
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        if field.name == "general.file_type":
            writer.add_uint32(field.name, FILE_TYPES[name])
            continue
        is_array = field.types[0] == gguf.GGUFValueType.ARRAY
        element = field.types[-1:] if is_array else ()
        writer.add_key_value(field.name, field.contents(), field.types[0], *element)
    kind = gguf.GGMLQuantizationType[name]
    for tensor in reader.tensors:
        data = numpy.array(tensor.data)
        if data.ndim == 2 and name != "F32":
            data = gguf.quants.quantize(data.astype(numpy.float32), kind)
            writer.add_tensor(tensor.name, data, raw_dtype=kind)
        else:
            writer.add_tensor(tensor.name, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class LlamaCpp:
    """A model in llama.cpp's own server."""

    def __init__(self, file, threads):
        params = xllamacpp.CommonParams()
        params.model.path = str(file)
        params.n_ctx = 0  # the model's own
        params.n_parallel = 1
        params.verbosity = 0
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        self.server = xllamacpp.Server(params)

    def timings(self, prompt, count):
        """What the server says about a prompt of ids and so many tokens after it."""
        body = {"prompt": prompt, "n_predict": count, "temperature": 0, "cache_prompt": False}
        request = urllib.request.Request(
            self.server.listening_address + "/completion",
            data=json.dumps({**body, "ignore_eos": True}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["timings"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--type", choices=FILE_TYPES)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prompt-tokens", type=int, default=250)
    parser.add_argument("--gen-tokens", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = args.file
        if args.type:
            file = pathlib.Path(folder) / "model.gguf"
            requantize(args.file, file, args.type)
        model = LlamaCpp(file, args.threads)
        read, write = [], []
        for run in range(args.runs + 1):
            prompt = [(run * 7 + i * 13) % 250 for i in range(args.prompt_tokens)]
            read.append(model.timings(prompt, 1)["prompt_per_second"])
            write.append(model.timings([run], args.gen_tokens)["predicted_per_second"])
    # The first run warms up.
    speed = {"read": statistics.median(read[1:]), "write": statistics.median(write[1:])}
    print(json.dumps(speed))


if __name__ == "__main__":
    main()
