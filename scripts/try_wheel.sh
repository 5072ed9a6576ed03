#!/bin/sh
# Install a wheel into a clean environment in a temporary folder and use it there.
# Usage: scripts/try_wheel.sh WHEEL; $PYTHON makes the environment (default: python3).
set -eu

project=$(cd "$(dirname "$0")/.." && pwd)
wheel=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset PYTHONPATH

"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check -c "$project/constraints.txt" "$wheel"
mkdir "$folder/elsewhere"
cd "$folder/elsewhere"
PATH="$folder/venv/bin:$PATH"
set -x
turncoat --version
turncoat data list
turncoat attack backdoor --trials 1 --epochs 1
