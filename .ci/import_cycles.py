#!/usr/bin/env python3
"""Prints import cycles between files of each crate in ARGUMENT/*/src; fails if there are any. A
re-exported name counts as an import of the file that defines it; tests do not count."""
import pathlib, re, sys
UNREAD = re.compile(r"//.*|'\\?.'|\"(?:\\.|[^\"\\])*\"|pub\(in [^)]*\)")
TEST = re.compile(r"^( *)#\[cfg\(test\)\]\n(?:.*;\n|(?:.*\n)*?\1\}\n)", re.M)
USE = re.compile(r"\buse ([^;]+);")
PATH = re.compile(r"(?<![\w:.])(?:\w+::)+\w+")
BRACES = re.compile(r"((?:\w+::)*)\{([^{}]*)\}")
# By module (a tuple, crate first): its file, what the names that `use` brings in mean, all paths.
files, names, paths = {}, {}, {}

def read(file, module):
    code = TEST.sub("", UNREAD.sub("", file.read_text()))
    files[module] = file
    for macro in re.findall(r"#\[macro_export\]\s*macro_rules! (\w+)", code):
        names.setdefault(module[:1], {})[macro] = ["crate", *module[1:], macro]
    for tree in USE.findall(code):
        while braces := BRACES.search(tree):  # the innermost: a::{b, c} becomes a::b, a::c
            leaves = [braces[1] + leaf.strip() for leaf in braces[2].split(",") if leaf.strip()]
            tree = tree[:braces.start()] + ", ".join(leaves) + tree[braces.end():]
        for leaf in tree.split(","):
            path, _, alias = leaf.partition(" as ")
            path = re.sub(r"::(self|\*)$", "", path.strip()).split("::")
            names.setdefault(module, {})[alias.strip() or path[-1]] = path
    paths[module] = [path.split("::") for path in PATH.findall(USE.sub("", code))]
    paths[module] += names.setdefault(module, {}).values()

def resolve(at, path):
    """Returns the module that defines what `path` means in `at`; None if another crate does."""
    for i, name in enumerate(path):
        if name in ("crate", "super"):
            at = at[:1] if name == "crate" else at[:-1] or at  # more in modules within files
        elif (*at, name) in files:
            at = (*at, name)
        elif names[at].get(name, path) != path:
            return (at := resolve(at, names[at][name])) and resolve(at, ["self", *path[i + 1:]])
        elif name != "self":
            return at if i else None
    return at

def shortest_cycle(start):
    ways, seen = [[start]], set()
    for way in ways:
        for module in sorted(imports[way[-1]] - seen):
            if module == start:
                return [*way, start]
            seen.add(module)
            ways.append([*way, module])

for src in pathlib.Path(sys.argv[1]).glob("*/src"):
    for file in src.rglob("*.rs"):
        parts = file.relative_to(src).with_suffix("").parts
        if "tests" not in parts:
            read(file, (src.parent.name, *(part for part in parts if part not in ("mod", "lib"))))
imports = {m: {resolve(m, path) for path in paths[m]} - {m, None} for m in files}
cycles = {frozenset(cycle): cycle for m in sorted(files) if (cycle := shortest_cycle(m))}
for cycle in cycles.values():
    print("import cycle:", " -> ".join(str(files[module]) for module in cycle))
sys.exit(bool(cycles))
