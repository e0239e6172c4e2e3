# needs: python3
cat > work.py <<'P'
import multiprocessing as mp, multiprocessing.shared_memory as shm, concurrent.futures as cf, os, mmap, tempfile

def square(x): return x * x
def fill(name): shm.SharedMemory(name).buf[0] = 7

if __name__ == '__main__':
    for how in ['fork', 'spawn', 'forkserver']:
        with mp.get_context(how).Pool(2) as pool: print(how, sum(pool.map(square, range(10))))
    with cf.ProcessPoolExecutor(2) as pool: print(list(pool.map(square, [2, 3])))
    block = shm.SharedMemory(create=True, size=64)
    child = mp.Process(target=fill, args=(block.name,)); child.start(); child.join()
    print(block.buf[0]); block.close(); block.unlink()
    with mp.Manager() as manager:
        shared = manager.dict(); shared['x'] = 1; print(dict(shared))
    lock, queue = mp.Lock(), mp.Queue()
    with lock: queue.put('queued')
    print(queue.get())
    with tempfile.TemporaryFile() as file:
        file.truncate(4096); view = mmap.mmap(file.fileno(), 4096); view[0] = 1; print(view[0])
    print(os.getpriority(os.PRIO_PROCESS, 0) <= 19, os.nice(0) <= 19)
P
python3 work.py
