# needs: python3
export LC_ALL=C.UTF-8
locale charmap
printf 'é\nà\nz\na\n' | sort | tr '\n' ' '; echo
echo 'Straße ΑΒΓ' | awk '{ print tolower($0), length($0) }'
printf 'été' | wc -m
TZ=Europe/Paris date -d '2024-07-01 12:00 UTC' '+%H:%M %Z'
python3 -c "import zoneinfo, datetime as d; print(d.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo('America/New_York')).utcoffset())"
python3 -c "import locale, sys; print(locale.setlocale(locale.LC_ALL, ''), sys.getfilesystemencoding())"
touch 'naïve 文件' && ls | grep 文
id -un >/dev/null && getent hosts localhost >/dev/null && getent passwd root | cut -d : -f 1
