//! The machine's private keys, which a root bridge's commands could read.

use super::worlds::{Plan, in_each};

#[tokio::test]
async fn private_keys_of_the_machine_cannot_be_read_nor_listed() {
    if std::fs::read_dir("/etc/ssl/private").is_err() {
        return eprintln!("not tried: this machine has no private keys that this test may see");
    }
    let script = "ls -A /etc/ssl/private/; ls -Ad /etc/ssl/private/*; cat /etc/ssl/private/*
find /etc/ssl /etc/pki -type f ! -perm -4 -exec head -c 20 {} + 2>/dev/null; head -c 10 /etc/ssl/openssl.cnf | wc -c
find /etc/ssl/certs/ | head -n 3 | wc -l";
    in_each(&Plan::default(), async |world| {
        let answer = world.run(script).await;
        assert_eq!(answer["stdout"], "10\n3\n", "{}: {answer}", world.name);
    })
    .await;
}
