//! Copies of files of settings: each line of two corpora, those that must stay and those that must never be seen.

use super::hosts::Started;
use serde_json::json;
use std::{path::Path, process::Command};

const WITH: &str = include_str!("../../corpora/settings-with-secrets.txt");
const WITHOUT: &str = include_str!("../../corpora/settings-without-secrets.txt");

/// What stands for SECRET: a word, a password and keys of several forms.
const SECRETS: [&str; 4] = ["swordfish", "hunter2", "ghp0aB1cD2eF3gH4iJ5kL6mN7oP8", "deadbeefcafe"];

/// The cases of a corpus: a file below the home, and its text.
fn cases(corpus: &str) -> Vec<(&str, &str)> {
    let cases = corpus.split("\n= ").skip(1);
    cases.map(|case| case.split_once('\n').expect("a text stands below the path")).collect()
}

/// A bridge with a root beside the home.
fn bridge() -> Started {
    let directory = crate::server::scratch();
    let (home, work) = (directory.path().join("home"), directory.path().join("work"));
    std::fs::create_dir_all(&work).unwrap();
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(work.join(".env"), format!("MCP_API_KEY={}\n", crate::server::KEY)).unwrap();
    let mut command = Command::new(crate::program::BINARY);
    command.arg("--directory").arg(&work).env("HOME", &home).env("MCP_ALLOWED_DIRS", &work).env_remove("MCP_API_KEY");
    Started::run(command, directory).expect("it starts")
}

/// What a command reads, while the file has that text.
async fn read(server: &Started, file: &str, text: &str, command: &str) -> String {
    let path = server.directory().join("home").join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    let answer = server.call("execute", json!({"command": command})).await;
    std::fs::remove_file(Path::new(&path)).unwrap();
    answer["stdout"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test]
async fn no_secret_comes_out_of_a_file_of_settings_wherever_in_it_it_stands() {
    let server = bridge();
    for (number, (file, text)) in cases(WITH).into_iter().enumerate() {
        assert!(text.contains("SECRET"), "{file}: {text}");
        let command = format!("cat ~/{file}; grep -rs . /run/settings");
        // Each form of a secret in its turn, and those that fit most shapes in each case.
        for secret in [SECRETS[number % SECRETS.len()], SECRETS[0]] {
            let seen = read(&server, file, &text.replace("SECRET", secret), &command).await;
            assert!(!seen.contains(secret), "{file} with {text}\ngives {seen}");
        }
    }
}

#[tokio::test]
async fn each_line_of_ordinary_settings_stays() {
    let server = bridge();
    for (file, text) in cases(WITHOUT) {
        let seen = read(&server, file, text, &format!("cat ~/{file}")).await;
        let lines = |text: &str| text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(&seen), lines(text), "{file}");
    }
}
