# needs: python3
python3 -m venv tools && tools/bin/pip install --quiet pytest pytest-xdist
mkdir -p app tests && echo 'def twice(x): return 2 * x' > app/__init__.py
printf '[project]\nname = "app"\nversion = "1"\n[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n[tool.setuptools]\npackages = ["app"]\n' > pyproject.toml
cat > tests/test_app.py <<'P'
import os, app, pytest
@pytest.mark.parametrize('x', [1, 2])
def test_twice(x): assert app.twice(x) == 2 * x
def test_files(tmp_path):
    (tmp_path / 'a').mkdir(); (tmp_path / 'f').write_text('x')
    os.rename(tmp_path / 'f', tmp_path / 'a' / 'f'); os.link(tmp_path / 'a' / 'f', tmp_path / 'g')
def test_output(capfd): os.system('echo out'); assert capfd.readouterr().out == 'out\n'
P
tools/bin/pip install --quiet -e .
tools/bin/pytest -q | grep -o '[0-9]* passed'
tools/bin/pytest -q -n 2 | grep -o '[0-9]* passed'
