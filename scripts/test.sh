#!/usr/bin/env bash
# Everything that must pass: format, lint, types, import contracts, tests. Further arguments go to pytest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
set_up "dev"
cd "$root"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

echo "== ruff"
"$PYTHON" -m ruff check .
"$PYTHON" -m ruff format --check .
echo "== mypy"
"$PYTHON" -m mypy
echo "== import contracts"
"$(dirname "$PYTHON")/lint-imports" --config pyproject.toml
echo "== pytest"
if [ $# -eq 0 ]; then
  set -- --numprocesses "${ZOO_TEST_PROCESSES:-2}" --dist loadfile
fi
"$PYTHON" -m pytest "$@"
