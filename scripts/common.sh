# Shared by the scripts: a virtual environment of the project's own, made once and brought up to date when needed.
# Sets PYTHON to its interpreter. Environment: PYTHON3 names the Python to make it from, ZOO_VENV the folder.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

find_python() {
  local candidate
  for candidate in "${PYTHON3:-}" python3.11 python3.12 python3.13 python3; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  echo "error: no Python 3.11, 3.12 or 3.13 found; install one, or name it with PYTHON3=..." >&2
  exit 2
}

# set_up EXTRAS: install the project, editable, with these extras.
set_up() {
  local extras=$1 venv=${ZOO_VENV:-$root/.venv}
  local wanted
  wanted=$(cat "$root/pyproject.toml" "$root/setup.py" "$root/constraints.txt" | cksum)" $extras"
  PYTHON=$venv/bin/python
  if [ ! -x "$PYTHON" ]; then
    local python
    python=$(find_python) || exit 2
    echo "making a virtual environment in $venv" >&2
    "$python" -m venv "$venv"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check 'pip>=24'
  fi
  if [ "$(cat "$venv/.zoo-installed" 2>/dev/null)" != "$wanted" ]; then
    echo "installing attention-zoo${extras:+ [$extras]} and what it needs (a few minutes the first time)" >&2
    local log=$venv/install.log
    if ! "$PYTHON" -m pip install --disable-pip-version-check \
      --constraint "$root/constraints.txt" --editable "$root${extras:+[$extras]}" >"$log" 2>&1; then
      tail -n 30 "$log" >&2
      echo "error: the installation failed; all of it is in $log" >&2
      exit 1
    fi
    printf '%s' "$wanted" >"$venv/.zoo-installed"
  fi
}
