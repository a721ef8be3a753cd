#!/usr/bin/env bash
# Installs schemathesis and the published readers into target/pyreaders, at pinned versions. kctl-plausible needs Python
# 3.12, airbyte-source-plausible at most 3.10; without such a Python they are left out. python-plausible is not among them: no version of it holds a module.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
venv=target/pyreaders
wanted='schemathesis==4.32.5 plausible-mcp==0.1.2'
state="$wanted airbyte-source-plausible==0.1.14"
if [ -f "$venv/installed" ] && [ "$(cat "$venv/installed")" = "$state" ]; then exit 0; fi
python=python3
for candidate in python3.13 python3.12 "$HOME"/.pyenv/versions/3.1[23]*/bin/python3; do
  if "$candidate" -c 'import sys, venv, ssl; assert sys.version_info >= (3, 12)' 2>/dev/null; then python=$candidate; break; fi
done
"$python" -m venv "$venv"
# shellcheck disable=SC2086
"$venv/bin/pip" install --quiet --disable-pip-version-check $wanted
"$venv/bin/pip" install --quiet --disable-pip-version-check kctl-plausible==0.10.3 2>/dev/null ||
  echo 'kctl-plausible cannot be installed here (it needs Python 3.12): left out'
for candidate in python3.10 python3.9 "$HOME"/.pyenv/versions/3.10.*/bin/python3; do
  if "$candidate" -c 'import venv, ssl' 2>/dev/null; then
    "$candidate" -m venv "$venv/airbyte" && "$venv/airbyte/bin/pip" install --quiet --disable-pip-version-check airbyte-source-plausible==0.1.14 && break
  fi
done
[ -x "$venv/airbyte/bin/source-plausible" ] || echo 'airbyte-source-plausible cannot be installed here (it needs Python 3.9 or 3.10): left out'
printf '%s' "$state" > "$venv/installed"
