#!/usr/bin/env bash
# paths.sh DOCUMENT...: prints paths in backquotes that do not exist, and fails if there are any.
# A path ends in `/` or in the ending of a source file; below a heading that names a folder it may
# begin there.
set -euo pipefail

bad=0
for document in "$@"; do
    base=.
    while IFS= read -r line; do
        case $line in '# '* | '## '* | '### '*)
            base=$(grep -oE '`[^` ]+/`' <<<"$line" | head -n1 | tr -d '`') || base=.
            [ -d "$base" ] || { echo "$document: no folder $base"; bad=1; }
            ;;
        esac
        paths=$(grep -oE '`[A-Za-z0-9_./-]+(/|\.(rs|py|sh|md|toml))`' <<<"$line" || true)
        for path in ${paths//\`/}; do
            [ -e "$path" ] || [ -e "$base/$path" ] || { echo "$document: no $path"; bad=1; }
        done
    done <"$document"
done
exit "$bad"
