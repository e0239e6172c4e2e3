# needs: python3
python3 -m venv tools && tools/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix)'
tools/bin/python -m pip --version | cut -d ' ' -f 1
mkdir -p pkg/pkg && echo 'answer = 42' > pkg/pkg/__init__.py
tools/bin/python - <<'P'
import os, pathlib, shutil, tempfile
os.makedirs('a'); os.makedirs('b')
pathlib.Path('a/f').write_text('x')
os.rename('a/f', 'b/f'); os.link('b/f', 'a/g'); os.replace('a/g', 'b/g')
shutil.move('b', 'a/b'); print(sorted(str(p) for p in pathlib.Path('a').rglob('*')))
with tempfile.TemporaryDirectory() as folder:
    shutil.copytree('a', folder + '/copy'); shutil.move(folder + '/copy', 'moved')
print(os.stat('moved/b/f').st_nlink, os.cpu_count() > 0, os.sched_getaffinity(0) != set())
P
cd pkg && ../tools/bin/python -c 'import pkg; print(pkg.answer)'
