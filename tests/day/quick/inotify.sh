# needs: python3
python3 - <<'P'
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
watch = libc.inotify_init1(0)
os.mkdir('watched'); os.mkdir('other')
assert libc.inotify_add_watch(watch, b'watched', 0x100 | 0x40 | 0x80 | 0x200 | 0x8) > 0, ctypes.get_errno()
open('watched/a', 'w').close(); os.rename('watched/a', 'other/a'); os.rename('other/a', 'watched/b'); os.remove('watched/b')
data = os.read(watch, 4096)
while data:
    _, mask, _, length = struct.unpack_from('iIII', data)
    print(hex(mask), data[16:16 + length].rstrip(b'\0').decode()); data = data[16 + length:]
P
touch log.txt
(for line in one two three; do echo $line >> log.txt; done; exec sleep 0.3) &
tail -s 0.05 -n +1 -f log.txt --pid=$!
