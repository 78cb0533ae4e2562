#!/usr/bin/env bash
# style.sh PATH...: prints what breaks a rule of CONTRIBUTING.md that a pattern can check, and fails
# if anything does: lines over 100 characters, summaries of documentation that begin with words
# that mean nothing in an index, and identifiers that say `_a_` for `_per_`.
set -euo pipefail

found=0
files() { find "$@" -type f -not -path '*/target/*' -print0; }

# In the C locale a character is as many bytes; those that continue one (10xxxxxx) do not count.
files "$@" \( -name '*.rs' -o -name '*.sh' -o -name '*.py' -o -name '*.toml' -o -path '.ci/run' \) |
    LC_ALL=C xargs -0 awk '
        { line = $0; gsub(/[\200-\277]/, "", line) }
        length(line) > 100 { print FILENAME ":" FNR ": " length(line) " characters"; bad = 1 }
        END { exit bad }' || found=1

files "$@" -name '*.rs' | xargs -0 awk '
    FNR == 1 { within = 0 }
    /^ *\/\/[\/!]/ && !within &&
        /^ *\/\/[\/!] (The same|What|Says|So|How|Where|Whether)([^A-Za-z]|$)/ {
        print FILENAME ":" FNR ": a summary begins with a verb or a noun:" $0; bad = 1
    }
    { within = /^ *\/\/[\/!]/ }
    END { exit bad }' || found=1

nouns='bits|blocks|bytes|chunks|cols|columns|elements|flops|ids|lanes|lines|pages|panels|pieces'
nouns+='|positions|registers|rows|sequences|tasks|terms|threads|tiles|tokens|windows|words'
if files "$@" -name '*.rs' | xargs -0 grep -HniE "(\\b|_)($nouns)_a_[a-z]" /dev/null; then
    echo 'error: an identifier says _a_ for _per_' >&2
    found=1
fi
exit "$found"
