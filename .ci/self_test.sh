#!/usr/bin/env bash
# self_test.sh: the other checks of this folder find what they are for, in small trees made up here.
set -euo pipefail

checks="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
tree="$(mktemp -d)"
trap 'rm -rf "$tree"' EXIT
cd "$tree"

# file PATH TEXT: writes a file.
file() { mkdir -p "$(dirname "$1")" && printf '%s\n' "$2" >"$1"; }
# passes WHAT COMMAND... and fails WHAT PART COMMAND...: the command's exit status, and a part of
# what it prints.
passes() {
    local what=$1 && shift
    "$@" >out 2>&1 || { echo "error: $what is refused:" && cat out && exit 1; }
}
fails() {
    local what=$1 part=$2 && shift 2
    if "$@" >out 2>&1; then echo "error: $what is not found" && exit 1; fi
    grep -qF -- "$part" out || { echo "error: $what, without '$part':" && cat out && exit 1; }
}

cycles=("$checks/import_cycles.py" c)
file c/x/src/lib.rs 'mod a; mod b; pub use a::{inner::Deep, A as Public};'
file c/x/src/a/mod.rs 'pub mod inner; use inner::Deep; pub struct A(Deep);'
file c/x/src/a/inner.rs 'pub struct Deep; // crate::b::f() in a comment'
file c/x/src/b.rs 'use {crate::{Public}, std::fmt}; pub fn f() -> crate::Deep { crate::Deep }'
passes "a tree without a cycle" "${cycles[@]}"
file c/x/src/a/inner.rs 'use crate::a::other::{X}; pub struct Deep;'
file c/x/src/a/other.rs 'pub(in crate::a) struct X;'
passes "a use of a sibling by the path of the parent" "${cycles[@]}"
file c/x/src/b.rs '
#[cfg(test)]
mod tests {
    use crate::a::A;
}'
file c/x/src/a/tests.rs 'use crate::b::f;'
file c/x/src/a/mod.rs 'pub struct A; use crate::b::f;'
passes "a cycle of tests" "${cycles[@]}"
file c/x/src/b.rs 'use {std::fmt::{self, Debug}, crate::{a::{inner::Deep, A}}};'
fails "a cycle in nested braces" "c/x/src/a/mod.rs -> c/x/src/b.rs" "${cycles[@]}"
file c/x/src/b.rs 'pub fn f() { crate::a::g(1) }'
fails "a cycle through a path in an expression" "b.rs" "${cycles[@]}"
file c/x/src/b.rs 'pub use crate::Public;'
fails "a cycle through a name that lib.rs re-exports" "b.rs" "${cycles[@]}"
file c/x/src/b.rs '#[macro_export]
macro_rules! m { () => { 1 } }'
file c/x/src/a/mod.rs 'use crate::m;'
passes "an exported macro of a lower file" "${cycles[@]}"
file c/x/src/b.rs 'pub fn f() {}'
file c/x/src/a/mod.rs 'mod inner; pub fn g() { inner::h() }'
passes "a parent that calls a child" "${cycles[@]}"
file c/x/src/b.rs 'mod m { pub mod n { use super::super::super::a::g; } } pub fn f() {}'
passes "a use of the top of the crate from a module within a module of a file" "${cycles[@]}"
file c/x/src/b.rs 'use crate as me; pub fn f() { me::a::g() }'
file c/x/src/a/mod.rs 'pub fn g() { crate::b::f() }'
fails "a cycle through another name of the crate" "b.rs" "${cycles[@]}"
file c/x/src/b.rs 'pub fn f() {}'
file c/x/src/a/mod.rs 'mod inner; pub fn g() { inner::h() }'
file c/x/src/a/inner.rs 'use super::g; pub fn h() { g() }'
fails "a child that imports from its parent" "a/inner.rs" "${cycles[@]}"

style=("$checks/style.sh" s)
exactly_100=$(printf '// %097d' 0 | sed 's/0/−/g')
file s/fine.rs "$exactly_100
/// Returns the rows of a chunk.
/// What follows is no summary.
fn lacks_a_row_or_a_chunk() {}
fn link_stays_a_link_and_sigterm_cuts_a_text() {}
let (lacks_a_term, steps_a_b, tokens_per_task) = (1, 2, 3);"
passes "what is in order" "${style[@]}"
file s/long.rs "${exactly_100}x"
fails "a line of 101 characters" "s/long.rs:1: 101" "${style[@]}"
rm s/long.rs
for summary in '/// The same for rows' '    //! What it does' '/// So that' '/// Whether it is'; do
    file s/summary.rs "$summary"
    fails "the summary '$summary'" "s/summary.rs:1" "${style[@]}"
done
rm s/summary.rs
for name in rows_a_chunk TILES_A_THREAD max_tokens_a_batch steps_a_run BYTES_AN_ELEMENT \
    keys_a_batch calls_a_step is_a_rate_of_merges_a_word; do
    file s/name.rs "let $name = 1;"
    fails "the name $name" "$name" "${style[@]}"
done

file d.md 'See `c/x/src/` and `cargo test`.
## `c/x/src/`
- `a/inner.rs`'
passes "a document whose paths exist" "$checks/paths.sh" d.md
file d.md '- `a/inner.rs`'
fails "a path that does not exist" "no a/inner.rs" "$checks/paths.sh" d.md

documents=("$checks/documents.py" g)
columns_120=$(printf '%0120d' 0)
file g/README.md '# A [link](docs/guide.md#going-on---resume-further)
![a
picture](docs/a.svg) [Not this](https://example.org/x) `[nor](this)`'
file g/docs/guide.md "## Going on: \`--resume\`, [further](../README.md)
$columns_120
\`\`\`sh
cat [this](is no link)
\`\`\`
| a row may be longer $columns_120 |"
file g/docs/a.svg ''
file g/ARCHITECTURE.md '| `rayon` | threads |'
file g/CONTRIBUTING.md 'See [below](#words).
## Words'
file g/CHANGELOG.md ''
file g/Cargo.toml '[workspace.dependencies]
rayon = "1"
a = { path = "crates/a" }'
file g/crates/a/Cargo.toml '[target."cfg(unix)".dependencies]
rayon.workspace = true'
file g/crates/a/src/lib.rs '//! ```text
//! a picture
//! ```
//! ```
//! # hidden();
//! f();
//!
//! g();
//! ```'
file g/crates/a/README.md '# a
```rust
f();

g();
```'
passes "documents in order" "${documents[@]}"
# wrong WHAT PART PATH TEXT: documents of which one is this are refused.
wrong() {
    cp "$3" kept && file "$3" "$4"
    fails "$1" "$2" "${documents[@]}"
    mv kept "$3"
}
wrong "a README of 8,001 bytes" "8001 bytes" g/README.md "$(printf '%0100d\n' {1..79})
$(printf '%021d' 0)"
wrong "an ARCHITECTURE.md of 201 lines" "201 lines" g/ARCHITECTURE.md \
    "$(printf '| `rayon` | %d |\n' {1..201})"
wrong "a line of 121 columns" "docs/guide.md: line 1 has 121" g/docs/guide.md "0$columns_120"
wrong "a long row in the README" "README.md: line 1 has" g/README.md "| $columns_120 |"
wrong "a link to no file" "no file for the link docs/b.md" g/README.md '[a](docs/b.md "title")'
wrong "a picture that is not there" "link b.svg" g/docs/guide.md '![a](b.svg)'
wrong "a link in HTML to no file" "link b.svg" g/README.md '<img src="b.svg">'
wrong "a link to no heading" "no heading for the link docs/guide.md#on" g/README.md \
    '[a](docs/guide.md#on)'
wrong "a link to no heading of its own page" "link #verbs" g/CONTRIBUTING.md '[a](#verbs)
# Words'
wrong "a heading in a block of code" "link #words" g/CONTRIBUTING.md '[a](#words)
```
# Words
```'
wrong "another example in the README of a crate" "README.md: another example" \
    g/crates/a/README.md '```rust
f();
```'
wrong "a dependency without a reason" 'no row `wide`' g/crates/a/Cargo.toml '[dev-dependencies]
rayon = "1"
wide = "1"'
wrong "a reason for a dependency that is gone" 'a row `half`' g/ARCHITECTURE.md \
    '| `half` | numbers |
| `rayon` | threads |'

for test in "$checks"/../scripts/record/test_*.py; do
    python3 "$test" 2>out || { cat out && exit 1; }
done
