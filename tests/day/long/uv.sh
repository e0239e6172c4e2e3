# needs: uv python3
uv venv --quiet tools && uv pip install --quiet --python tools/bin/python six && tools/bin/python -c 'import six; print(six.__name__)'
uv init --quiet --bare project && cd project && uv add --quiet six && uv run --quiet python -c 'import six; print("ran")' && ls uv.lock
