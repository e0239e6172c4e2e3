# needs: initdb pg_ctl psql
as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi; }
mkdir data && chmod 700 data && { [ "$(id -u)" != 0 ] || chown 65534:65534 data .; }
as initdb -D "$PWD/data" -U ada --auth=trust -E UTF8 --no-sync >/dev/null
as pg_ctl -D "$PWD/data" -w -l "$PWD/data/log" -o "-k $PWD/data -c listen_addresses=''" start >/dev/null
psql -h "$PWD/data" -U ada -d postgres -Atc 'create table t as select generate_series(1, 100) x' -c 'select sum(x) from t'
as pg_ctl -D "$PWD/data" -w -m fast stop >/dev/null && echo stopped
