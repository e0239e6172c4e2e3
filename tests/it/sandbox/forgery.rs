//! Programs that speak for the bridge's own programs in their container: they fool nobody but themselves.

use super::server_or_skip;
use serde_json::{Value, json};

/// Finds the mark with which the launcher ends a program's output, in its memory or arguments, and defines `speak`.
const FIND_MARK: &str = r#"
import io, os, re, sys, tarfile
def find():
    own = open('/proc/self/cmdline', 'rb').read().split(b'\0')
    for word in own:
        if re.fullmatch(rb'[0-9a-f]{32}', word):
            return word
    with open('/proc/1/maps') as maps, open('/proc/1/mem', 'rb', 0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            if not rights.startswith('rw'):
                continue
            start, end = (int(number, 16) for number in place.split('-'))
            try:
                memory.seek(start)
                found = re.search(rb"mark='?([0-9a-f]{32})", memory.read(end - start))
            except (OSError, OverflowError, ValueError):
                continue
            if found:
                return found[1]
def say(stream, data):
    while data:
        data = data[os.write(stream, data):]
def speak(text):
    try:
        mark = find()
    except OSError:
        mark = None
    if mark is None:
        print('no mark')
        sys.exit(3)
    sys.stdout.flush()
    say(2, mark)
    say(1, mark + text)
"#;

/// An archive that leads everywhere.
const ARCHIVE: &str = r"
archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode='w', format=tarfile.GNU_FORMAT) as tar:
    def add(name, data=b'harm', **fields):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        for field, value in fields.items():
            setattr(info, field, value)
        tar.addfile(info, io.BytesIO(data))
    for name in ['../up', '/etc/absolute', 'a/../../b', '..', '', './', 'n' * 100_000, 'a\udcff', '/home/sandbox/workspace/../x']:
        add(name)
    for kind in [tarfile.SYMTYPE, tarfile.LNKTYPE]:
        add('link' + kind.decode(), b'', type=kind, linkname='/etc/passwd')
    for kind in [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE]:
        add('kind' + kind.decode(), b'', type=kind, devmajor=1, devminor=3)
    add('good', b'good')
    add('good', b'twice')
    info = tarfile.TarInfo('huge')
    info.size = 1 << 40
    tar.addfile(info)
";

/// What was said in place of the launcher; `None` where the kernel keeps its memory from the program.
async fn forged(server: &crate::server::Server, last: &str) -> Option<crate::server::Reply> {
    let code = format!("{FIND_MARK}{ARCHIVE}{last}");
    let reply = server.post("/sandbox/run", json!({"code": code, "outputs": ["**"], "timeout": 20})).await;
    (!reply.text.contains("no mark")).then_some(reply)
}

#[tokio::test]
async fn an_archive_that_a_program_makes_up_leads_nowhere() {
    let server = server_or_skip!();
    let Some(reply) = forged(&server, "speak(b'0 0\\n' + archive.getvalue())").await else { return };
    let answer = reply.ok();
    let outputs = answer["outputs"].as_array().unwrap();
    assert!(!outputs.is_empty(), "{answer}");
    let with_content: Vec<_> =
        outputs.iter().filter(|file| file["skipped"].is_null()).map(|file| file["path"].as_str().unwrap()).collect();
    for path in &with_content {
        assert!(!path.contains("..") && !path.starts_with('/') && path.len() < 5_000, "{path}");
    }
    assert_eq!(with_content.iter().filter(|path| **path == "good").count(), 2, "{with_content:?}");
    for name in ["../up", "/etc/absolute", "link1", "link2", "kind3", "kind6", "huge"] {
        let named = |file: &&Value| file["path"] == name && file["skipped"].is_string();
        assert_eq!(outputs.iter().filter(named).count(), 1, "{name} in {outputs:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_a_program_makes_up_is_its_own() {
    let server = server_or_skip!();
    for (said, status) in [("b'7 0\\n'", 200), ("b'harm\\n'", 500), ("b'x' * 40_000_000", 200), ("b'files 0\\n'", 413)]
    {
        let Some(reply) = forged(&server, &format!("speak({said})")).await else { return };
        assert_eq!(reply.status, status, "{said}: {}", &reply.text[..reply.text.len().min(500)]);
        assert_eq!(server.call("sandbox_run", json!({"code": "print(1)"})).await["stdout"], "1\n");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_session_that_speaks_for_its_supervisor_harms_only_itself() {
    let server = server_or_skip!();
    let start = async || server.call("sandbox_session_start", json!({})).await["id"].clone();
    let (other, harmful) = (start().await, start().await);
    let cell = async |session: &Value, code: &str| {
        server.call("sandbox_session_run", json!({"id": session, "code": code, "timeout": 20})).await
    };
    cell(&other, "x = 'mine'").await;
    for said in
        ["b'done {}\\n'", "b'x' * 40_000_000", "b'crash 0 0\\n'", "b'done {\"code\": 0, \"kills\": 0}\\n' * 100"]
    {
        cell(&harmful, &format!("{FIND_MARK}speak({said})")).await;
        assert_eq!(cell(&other, "x").await["result"], "'mine'");
    }
    let again = server.call("sandbox_session_run", json!({"id": harmful, "code": "6 * 7", "reset": true})).await;
    assert_eq!((&again["result"], &again["reset"]), (&json!("42"), &json!(true)), "{again}");
    server.stop().await;
}
