#!/bin/sh
# Prepares what `make test-compiled` runs in. Usage: compiled_environment.sh PYTHON FOLDER
# FOLDER/venv has the wheel of dist/ as its only package, and borrows the libraries of PYTHON's environment, but not the
# source that is installed there: a .pth file adds a folder without reading the .pth files within it. FOLDER/project is
# the project without its package, so that only the wheel can be imported.
set -eu
python=$1 folder=$2
rm -rf "$folder"
mkdir -p "$folder/project"
"$python" -m venv --without-pip "$folder/venv"
# Before the libraries are visible: pip would find the source's installation among them.
"$python" -m pip --disable-pip-version-check --python "$folder/venv/bin/python" install --quiet --no-deps --no-index dist/*.whl
where='import sysconfig; print(sysconfig.get_path("purelib"))'
"$python" -c "$where" > "$("$folder/venv/bin/python" -c "$where")/libraries.pth"
tar --exclude=./fla_gateway --exclude="./$folder" --exclude='./.venv' --exclude='./.git' --exclude='./.*_cache' \
    --exclude=./dist --exclude=./.benchmark --exclude=./.hypothesis -cf - . | tar -xf - -C "$folder/project"
