#!/usr/bin/env python3
"""documents.py [ROOT]: checks what Markdown files promise, and fails if anything is wrong.

- README.md has at most 8,000 bytes, ARCHITECTURE.md at most 200 lines.
- Lines of the documents for readers have at most 120 columns; rows of tables may be longer, except
  in README.md, and so may records of benchmarks.
- Local links, of any Markdown file, lead to a file or a folder, and to a heading of it.
- The example of a crate's README is the one on the first page of its documentation.
- Each dependency of a manifest has a row in ARCHITECTURE.md: | `name` | reason |.
"""

import pathlib
import re
import sys
import tomllib
import urllib.parse

README_BYTES = 8000
ARCHITECTURE_LINES = 200
COLUMNS = 120
WITH_COLUMNS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
SKIPPED = {"target", "runs", ".git"}

FENCE = re.compile(r"^ *(```|~~~).*?^ *\1[^\S\n]*$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(
    r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)"  # [text](target "title")
    r"|^\[[^\]]+\]:\s+<?([^\s>]+)",  # [name]: target
    re.MULTILINE,
)
HTML_LINK = re.compile(r"\b(?:src|srcset|href)=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6} +(.+?)[ #]*$", re.MULTILINE)
ANCHOR = re.compile(r"\b(?:id|name)=\"([^\"]+)\"")


def documents(root):
    """Returns the Markdown files, without those of builds."""
    found = root.rglob("*.md")
    return sorted(path for path in found if not SKIPPED & set(path.relative_to(root).parts))


def anchors(text):
    """Returns the names that GitHub gives to the headings of a text."""
    names = set(ANCHOR.findall(text))
    for heading in HEADING.findall(FENCE.sub("", text)):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = "".join(c for c in heading if c.isalnum() or c in " -_").replace(" ", "-")
        name, count = slug, 0
        while name in names:
            count += 1
            name = f"{slug}-{count}"
        names.add(name)
    return names


def wrong_links(path):
    """Yields a message for each local link of a document that leads nowhere."""
    text = path.read_text()
    prose = INLINE_CODE.sub("", FENCE.sub("", text))
    links = [a or b for a, b in LINK.findall(prose)] + HTML_LINK.findall(prose)
    for link in links:
        target = urllib.parse.urlsplit(link)
        if target.scheme or target.netloc:
            continue
        file = path.parent / urllib.parse.unquote(target.path) if target.path else path
        if not file.exists():
            yield f"no file for the link {link}"
        elif target.fragment and file.suffix == ".md":
            if target.fragment not in anchors(file.read_text()):
                yield f"no heading for the link {link}"


def long_lines(path, tables_count):
    """Yields a message for each line that has too many columns."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        is_row = line.startswith("|") and not tables_count
        if len(line) > COLUMNS and not is_row:
            yield f"line {number} has {len(line)} columns, most {COLUMNS}"


def dependencies(manifest):
    """Returns the names of the dependencies that a manifest declares."""
    tables = [manifest, manifest.get("workspace", {}), *manifest.get("target", {}).values()]
    kinds = ["dependencies", "dev-dependencies", "build-dependencies"]
    return {name for table in tables for kind in kinds for name in table.get(kind, {})}


def first_example(text):
    """Returns the lines of the first example in Rust, without those that rustdoc hides."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    lines = next((block.splitlines() for kind, block in blocks if kind in ("", "rust")), [])
    return [line for line in lines if not line.startswith("# ")]


def check(root):
    """Yields a path and a message for all that is wrong."""
    readme = root / "README.md"
    size = len(readme.read_bytes())
    if size > README_BYTES:
        yield readme, f"{size} bytes, most {README_BYTES}"
    architecture = root / "ARCHITECTURE.md"
    lines = len(architecture.read_text().splitlines())
    if lines > ARCHITECTURE_LINES:
        yield architecture, f"{lines} lines, most {ARCHITECTURE_LINES}"
    for path in [root / name for name in WITH_COLUMNS] + sorted((root / "docs").rglob("*.md")):
        for message in long_lines(path, tables_count=path == readme):
            yield path, message
    for path in documents(root):
        for message in wrong_links(path):
            yield path, message
    for path in sorted(root.glob("crates/*/README.md")):
        first_page = path.parent / "src" / "lib.rs"
        docs = re.findall(r"^//!(?: (.*))?\n", first_page.read_text(), re.MULTILINE)
        # Examples of first pages are tests, so that they are right.
        if first_example("\n".join(docs)) != first_example(path.read_text()):
            yield path, f"another example than that of {first_page.relative_to(root)}"
    manifests = [root / "Cargo.toml", *sorted(root.glob("crates/*/Cargo.toml"))]
    texts = [tomllib.loads(path.read_text()) for path in manifests]
    siblings = {path.parent.name for path in manifests}
    reasons = set(re.findall(r"^\| `([\w-]+)` \|", architecture.read_text(), re.M))
    for manifest, text in zip(manifests, texts):
        for name in sorted(dependencies(text) - siblings - reasons):
            yield manifest, f"ARCHITECTURE.md has no row `{name}` with the reason for it"
    for name in sorted(reasons - set().union(*map(dependencies, texts))):
        yield architecture, f"a row `{name}`, on which no manifest depends"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    wrong = [f"{path.relative_to(root)}: {message}" for path, message in check(root)]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
