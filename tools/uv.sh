#!/bin/sh
# Puts uv into the folder given, with whatever this machine has: a uv on the path, venv with pip, or Debian's python3-venv.
set -eu
folder=$1
mkdir -p "$folder/bin"
if command -v uv >/dev/null 2>&1; then
    ln -sf "$(command -v uv)" "$folder/bin/uv"
    exit 0
fi
if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
    sh "$(dirname "$0")/need.sh" python3-venv
fi
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check uv
