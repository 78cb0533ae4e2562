# The code that all studies share; sourced, not run. A study sets `study`, `title` and `about` and
# defines `variants`, a function that calls
#     variant NAME FLAGS...
# for each of its variants (`shown=OTHER variant ...` gives it another name in the chart), and
# `against` if the chart's horizontal axis shall not be steps; then it calls `run_study "$@"`.

# The model and the optimizer that every study starts from. Flags given after -- override them, and
# a variant's flags override both.
baseline=(
    --context-length 128 --d-model 64 --num-layers 4 --num-heads 4 --d-ff 172 --batch-size 8
    --lr 0.003 --precision f32 --eval-batches 0 --keep-checkpoints 1
)

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
bin="${LM_BIN:-${CARGO_TARGET_DIR:-$root/target}/release}"

usage() {
    cat <<HELP
Usage: scripts/experiments/$study.sh [TRAIN.npy VAL.npy] [options] [-- TRAIN-MODEL FLAGS...]

$about

Runs the variants one after the other into OUT/NAME-sSEED/, skips those that are finished, resumes
those that were interrupted, draws OUT/$study.svg and prints a table. Without files: the stories in
data/, encoded first. Variants that differ from those in OUT in more than their seed are an error,
which names the difference.

    --total-tokens N   tokens per run (default 2048000, some minutes per run on two cores)
    --seeds N          runs of each variant, with the seeds 0 to N-1 (default 1)
    --out DIR          where the runs go (default runs/); another budget wants another directory
    --draw-only        no training: chart and table of what is there
    -- FLAGS           for train-model, in the place of the baseline's: --vocab-size N (for your own
                       files), --d-model N, ...; a variant's own flags override them

LM_BIN names a folder with the programs, if they are not to be built; COMPARE_RUNS a compare-runs.
HELP
}

die() {
    echo "error: $*" >&2
    exit "${status:-1}"
}

parse() {
    total_tokens=2048000 seeds=1 out="$root/runs" draw_only="" train="" val="" extra=()
    local files=() file
    while [ $# -gt 0 ]; do
        case "$1" in
            -h | --help) usage; exit 0 ;;
            --total-tokens=* | --seeds=* | --out=*)
                set -- "${1%%=*}" "${1#*=}" "${@:2}"
                continue
                ;;
            --total-tokens) total_tokens="${2:?--total-tokens takes a number}"; shift ;;
            --seeds) seeds="${2:?--seeds takes a number}"; shift ;;
            --out) out="${2:?--out takes a directory}"; shift ;;
            --draw-only) draw_only=yes ;;
            --) shift; extra=("$@"); break ;;
            -*) status=2 die "unknown argument $1 (see --help)" ;;
            *) files+=("$1") ;;
        esac
        shift
    done
    [[ $total_tokens =~ ^[0-9]+$ && $seeds =~ ^[1-9][0-9]*$ ]] ||
        status=2 die "--total-tokens and --seeds take numbers"
    case ${#files[@]} in
        0) ;;
        2)
            train="${files[0]}" val="${files[1]}"
            for file in "$train" "$val"; do
                [ -f "$file" ] || die "$file: no such file; expected tokens that encode wrote"
            done
            ;;
        *) status=2 die "expected no file, or two: TRAIN.npy VAL.npy" ;;
    esac
}

# The shipped stories as tokens, made once.
prepare_stories() {
    local data="$out/stories" split
    train="$data/train.npy" val="$data/valid.npy"
    [ -n "$draw_only" ] || [ -e "$val" ] || {
        mkdir -p "$data"
        "$bin/train-tokenizer" --quiet --dataset "$root/data/stories-train.txt" \
            --vocab-size 1024 --out "$data/tokenizer" >&2
        for split in train valid; do
            "$bin/encode" --quiet --tokenizer "$data/tokenizer" \
                --file "$root/data/stories-$split.txt" --out "$data/$split.npy"
        done
    }
    extra=(--vocab-size 1024 ${extra[@]+"${extra[@]}"})
}

# last FLAG FLAGS...: the last value of FLAG.
last() {
    local flag="$1" value=""
    shift
    while [ $# -gt 0 ]; do
        case "${1//_/-}" in
            "$flag") value="${2-}" ;;
            "$flag="*) value="${1#*=}" ;;
        esac
        shift
    done
    echo "$value"
}

# merge FLAGS...: sets `merged` to the flags, each of them once, with the last of its values.
merge() {
    local flags=("$@") group=() seen=" " i flag
    merged=()
    # From the end, so that the first one seen is the one that counts.
    for ((i = $# - 1; i >= 0; i--)); do
        group=("${flags[i]}" ${group[@]+"${group[@]}"})
        [ "${flags[i]#--}" != "${flags[i]}" ] || continue
        flag="${flags[i]%%=*}" flag="${flag//_/-}"
        if [ "${seen#* "$flag" }" = "$seen" ]; then
            seen+="$flag "
            merged=("${group[@]}" ${merged[@]+"${merged[@]}"})
        fi
        group=()
    done
}

# keep_last FLAGS...: sets `kept` to the flags without those that a later one of the same name
# overrides, because train-model takes each of them once.
keep_last() {
    local all=("$@") names=("${@%%=*}") i j value later
    # Names may be spelled with underscores.
    names=("${names[@]//_/-}")
    kept=()
    for ((i = 0; i < $#; i++)); do
        value=() later=""
        # In `--flag value` the value is the next word, unless that is a flag itself.
        if [[ ${all[i]} != *=* && $((i + 1)) -lt $# && ${all[i + 1]} != --* ]]; then
            value=("${all[i + 1]}")
        fi
        for ((j = i + 1; j < $#; j++)); do
            if [[ ${all[j]} == --* && ${names[j]} == "${names[i]}" ]]; then later=yes; fi
        done
        if [ -z "$later" ]; then kept+=("${all[i]}" ${value[@]+"${value[@]}"}); fi
        i=$((i + ${#value[@]}))
    done
}

# at_least_one N
at_least_one() {
    echo $(($1 > 0 ? $1 : 1))
}

# run_one NAME SEED FLAGS...: runs a variant, or what is left of its run. train-model refuses if OUT
# holds another run of this name.
run_one() {
    local name="$1-s$2" seed="$2" dir="$out/$1-s$2" begun=() code=0
    local flags flag kept tokens_per_step=1 steps
    shift 2
    # The last value of a flag counts.
    flags=(--grad-accum 1 "${baseline[@]}" ${extra[@]+"${extra[@]}"} "$@")
    for flag in --batch-size --grad-accum --context-length; do
        tokens_per_step=$((tokens_per_step * $(last "$flag" "${flags[@]}")))
    done
    steps=$((total_tokens / tokens_per_step))
    if grep -qs '"not_finite_at": [0-9]' "$dir/run.json"; then
        # A run that diverged has no checkpoint, so train-model cannot compare the flags.
        [ "$(asked)" = "$(cat "$dir/.asked" 2>/dev/null)" ] ||
            die "$name diverged with other flags, data or budgets; give another --out than $out"
        echo "== $name: diverged before" >&2
        return
    fi
    if [ -e "$dir/latest" ]; then begun=(--resume); fi
    mkdir -p "$dir"
    if [ ${#begun[@]} = 0 ]; then asked >"$dir/.asked"; fi
    keep_last "${flags[@]}"
    echo "== $name: $*" >&2
    # train-model refuses a flag that is given twice.
    merge --train-dataset "$train" --val-dataset "$val" --checkpoint-dir "$dir" \
        --seed "$seed" --total-tokens "$total_tokens" \
        --log-every "$(at_least_one $((steps / 100)))" \
        --eval-every "$(at_least_one $((steps / 4)))" \
        "${flags[@]}" ${begun[@]+"${begun[@]}"}
    "$bin/train-model" "${merged[@]}" || code=$?
    # A loss that is not finite is a result; all else is an error.
    if [ "$code" != 0 ] && ! grep -qs '"not_finite_at": [0-9]' "$dir/run.json"; then
        [ "$(asked)" = "$(cat "$dir/.asked" 2>/dev/null)" ] ||
            echo "$name: for other flags, data or budgets give another --out than $out" >&2
        exit "$code"
    fi
    asked >"$dir/.asked"
}

# The budget, the data and the flags of run_one.
asked() {
    printf '%s\n' "$total_tokens" "$data" "${flags[@]}"
}

variant() {
    local name="$1" seed="$current_seed"
    shift
    chart+=("${shown:-$name}-s$seed=$out/$name-s$seed")
    [ -n "$draw_only" ] || run_one "$name" "$seed" "$@"
}

compare_runs() {
    if [ -n "${COMPARE_RUNS:-}" ]; then
        "$COMPARE_RUNS" "$@"
    else
        cargo run --quiet --release --locked --package lm-cli --example compare-runs \
            --manifest-path "$root/Cargo.toml" -- "$@"
    fi
}

run_study() {
    parse "$@"
    mkdir -p "$out"
    if [ -z "$draw_only" ] && [ -z "${LM_BIN:-}" ]; then
        cargo build --quiet --release --locked --package lm-cli --bins \
            --manifest-path "$root/Cargo.toml"
    fi
    [ -n "$train" ] || prepare_stories
    data=""
    [ -n "$draw_only" ] || data="$(cksum <"$train") $(cksum <"$val")"
    chart=()
    for ((current_seed = 0; current_seed < seeds; current_seed++)); do
        variants
    done
    compare_runs "${chart[@]}" --title "$title" --against "${against:-steps}" \
        --out "$out/$study.svg"
}
