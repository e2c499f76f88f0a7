#!/bin/sh
# Writes the pinned and hashed requirements from pyproject.toml. Usage: requirements/lock.sh BIN, where BIN holds pip.
set -eu
cd "$(dirname "$0")/.."
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
"$1/python" -m pip install --quiet --target "$tool" uv
bin=$1
lock() { PYTHONPATH="$tool" "$bin/python" -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-header --no-annotate "$@"; }
lock pyproject.toml -o requirements/run.txt
lock pyproject.toml --extra sandbox -c requirements/run.txt -o requirements/sandbox.txt
lock pyproject.toml --extra otel -c requirements/run.txt -o requirements/otel.txt
printf 'hatchling>=1.27\neditables>=0.5\n' | lock - -o requirements/build.txt
lock --group compile -c requirements/run.txt -c requirements/build.txt -o requirements/compile.txt
lock --group dev -c requirements/sandbox.txt -c requirements/otel.txt -c requirements/build.txt -c requirements/compile.txt -o requirements/dev.txt
lock --group docs -c requirements/dev.txt -o requirements/docs.txt
