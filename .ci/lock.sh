#!/usr/bin/env bash
# Pins what requirements/*.in ask for: `.ci/lock.sh <uv> requirements`. The three locks agree
# because the smaller two are constrained by the largest.
set -euo pipefail
uv=$(realpath "$1")
cd "$2"

# torch is installed apart; what only its GPU build needs goes with it.
apart='^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)(\[[a-z,]+\])?=='

pin() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
        --override overrides.txt "${@:2}" "$1.in" | grep -vE "$apart" >"$1.txt.new"
    mv "$1.txt.new" "$1.txt"
}

pin dev
pin ml --constraint dev.txt
pin web --constraint dev.txt
