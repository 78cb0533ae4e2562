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

# A word in s before _a_ is a plural noun, unless it is one of these verbs or in a test's name, a
# sentence (`fn stays_a_link() {`). What is surely a noun is wrong even there.
nouns='bits|blocks|bytes|chunks|cols|columns|elements|flops|ids|lanes|lines|pages|panels|pieces'
nouns+='|positions|registers|rows|sequences|tasks|terms|threads|tiles|tokens|windows|words'
verbs='as|begins|ends|has|holds|is|lacks|makes|needs|reads|stays|takes|was|writes'
files "$@" -name '*.rs' | xargs -0 awk -v nouns="^($nouns)$" -v verbs="^($verbs)$" '
    { rest = tolower($0); is_test = /^ *fn [a-z0-9_]+\(.*\) \{/ }
    {
        while (match(rest, /[a-z]+s_an?_[a-z][a-z]/)) {
            word = rest = substr(rest, RSTART)
            sub(/_.*/, "", word)
            if (word ~ nouns || (!is_test && word !~ verbs)) {
                print FILENAME ":" FNR ": an identifier says _a_ for _per_:" $0; bad = 1
            }
            rest = substr(rest, length(word) + 2)
        }
    }
    END { exit bad }' || found=1
exit "$found"
