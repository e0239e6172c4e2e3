//! Names that say that their value is secret.

use std::{collections::HashSet, sync::LazyLock};

static WORDS: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("secret_names.txt")));

/// The lists of `secret_names.txt`.
#[derive(Default)]
struct Words {
    strong: Vec<&'static str>,
    weak: HashSet<&'static str>,
    whole: HashSet<&'static str>,
    keys: HashSet<&'static str>,
    no_keys: HashSet<&'static str>,
    harmless_after: HashSet<&'static str>,
    harmless_whole: HashSet<&'static str>,
    header: HashSet<&'static str>,
    harmless_headers: Vec<&'static str>,
    values: HashSet<&'static str>,
}

impl Words {
    fn read(text: &'static str) -> Self {
        let mut words = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (list, members) = line.split_once(": ").unwrap_or_else(|| panic!("no list of names: {line}"));
            let members = members.split(' ');
            match list {
                "strong" => words.strong.extend(members),
                "weak" => words.weak.extend(members),
                "whole" => words.whole.extend(members),
                "key of" => words.keys.extend(members),
                "no key of" => words.no_keys.extend(members),
                "harmless after" => words.harmless_after.extend(members),
                "harmless whole" => words.harmless_whole.extend(members),
                "header" => words.header.extend(members),
                "harmless header" => words.harmless_headers.extend(members),
                "harmless values" => words.values.extend(members),
                other => panic!("secret_names.txt has an unknown list: {other}"),
            }
        }
        words
    }
}

/// Whether a field's, header's, option's or variable's name says that its value is secret.
pub(crate) fn sounds_secret(name: &str) -> bool {
    let name = name.trim_matches(['-', '_', '.', '$', ':']);
    if name.is_empty() || name.len() > 200 {
        return false;
    }
    let words = split(name);
    let joined = words.concat();
    if WORDS.harmless_whole.iter().any(|harmless| joined.ends_with(harmless)) {
        return false;
    }
    let ends_in_auth = is_environment(name) && words.last().is_some_and(|last| last == "auth");
    WORDS.whole.contains(joined.as_str()) || ends_in_auth || is_key(name, &words) || has_secret_word(&words)
}

/// Whether a header of this name opens nothing, whatever its value.
pub(crate) fn is_harmless_header(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    WORDS.harmless_headers.iter().any(|harmless| match harmless.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *harmless,
    })
}

/// Whether a header's name says that its value is secret: there `Key` alone does.
pub(crate) fn header_sounds_secret(name: &str) -> bool {
    let words = split(name);
    let ends_so = match words.as_slice() {
        [.., before, last] if last == "key" => !WORDS.no_keys.contains(before.as_str()),
        [.., last] => WORDS.header.contains(last.as_str()),
        [] => false,
    };
    !is_harmless_header(name) && (ends_so || sounds_secret(name))
}

/// Whether a value is a word that stands where a value may stand, and no secret: a type, a boolean, `required`.
pub(crate) fn is_harmless_value(value: &str) -> bool {
    WORDS.values.contains(value.to_lowercase().as_str())
}

/// A strong word counts wherever it stands, unless something harmless follows (`password_file`); a weak one at the end
/// (`token`, and not `token_count`).
fn has_secret_word(words: &[String]) -> bool {
    words.iter().enumerate().any(|(place, word)| {
        let after = &words[place + 1..];
        let is_strong = WORDS.strong.iter().any(|strong| word.ends_with(strong));
        match is_strong {
            true => !after.iter().any(|word| WORDS.harmless_after.contains(word.as_str())),
            false => WORDS.weak.contains(word.as_str()) && after.is_empty(),
        }
    })
}

/// `…_KEY` of the environment and `X-…-Key` of headers always, but for the keys of tables; `api_key`, `secretKey` in any
/// case of letters.
fn is_key(name: &str, words: &[String]) -> bool {
    let [.., before, last] = words else { return false };
    last == "key"
        && !WORDS.no_keys.contains(before.as_str())
        && (is_environment(name) || is_own_header(name) || WORDS.keys.contains(before.as_str()))
}

/// Whether a name is a header's that a program made up.
fn is_own_header(name: &str) -> bool {
    name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"))
}

/// Whether a name is written as those of the environment are: in capital letters.
fn is_environment(name: &str) -> bool {
    !name.contains(|letter: char| letter.is_ascii_lowercase() || letter == '-' || letter == '.')
}

/// The words of a name, small: `dbPassword2`, `DB-PASSWORD`, `db_password` are `db`, `password`. Numbers and what says
/// which one it is at the end (`_OLD`, `_PROD`) are left out.
fn split(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split(|letter: char| !letter.is_alphabetic()).filter(|part| !part.is_empty()) {
        let letters: Vec<char> = part.chars().collect();
        let mut word = String::new();
        for (place, letter) in letters.iter().enumerate() {
            let after_small = place > 0 && letters[place - 1].is_lowercase();
            let before_small = letters.get(place + 1).is_some_and(|next| next.is_lowercase());
            if letter.is_uppercase() && place > 0 && (after_small || before_small) {
                words.push(std::mem::take(&mut word));
            }
            word.extend(letter.to_lowercase());
        }
        words.push(word);
    }
    while words.len() > 1 && VARIANTS.contains(&words.last().expect("it has two").as_str()) {
        words.pop();
    }
    words
}

/// Words at the end of a name that tell several of a kind apart.
const VARIANTS: [&str; 17] = [
    "prod",
    "production",
    "dev",
    "test",
    "staging",
    "live",
    "new",
    "old",
    "main",
    "value",
    "b",
    "base",
    "primary",
    "secondary",
    "confirm",
    "confirmation",
    "v",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_any_spelling() {
        let names = "password PASSWORD2 db_password dbPassword DB-PASSWORD PGPASSWORD MYSQL_PWD user.passwd new_password \
            passwordConfirmation token access_token accessToken GITHUB_TOKEN authToken _authToken csrfToken api_key apiKey \
            APIKey apikey X-Api-Key Api-Key x-auth-token Private-Token Authorization Proxy-Authorization Cookie Set-Cookie \
            X-Amz-Security-Token client_secret clientSecret SECRET_KEY_BASE AWS_SECRET_ACCESS_KEY STRIPE_KEY private_key \
            encryptionKey AccountKey SharedAccessKey passphrase SSH_PASSPHRASE DB_PASS db.pass SMTP_PASS CREDENTIALS \
            GOOGLE_CREDENTIALS JWT_SECRET_OLD TOKEN_2 signing-key auth mdp passwort secretkey PresharedKey";
        for name in names.split_whitespace() {
            assert!(sounds_secret(name), "{name}");
        }
    }

    #[test]
    fn headers_are_known_by_their_names() {
        for name in
            ["Key", "X-Api-Key", "key", "X-Functions-Key", "X-Hub-Signature", "Cookie", "Authorization", "X-Session"]
        {
            assert!(header_sounds_secret(name) && !is_harmless_header(name), "{name}");
        }
        for name in ["Accept", "accept-language", "Idempotency-Key", "Sec-Fetch-Mode", "X-Request-Id", "Surrogate-Key"]
        {
            assert!(!header_sounds_secret(name), "{name}");
        }
        assert!(!is_harmless_header("X-Whatever") && !is_harmless_header("Date2"));
    }

    #[test]
    fn names_of_harmless_things_are_left() {
        let names = "token_count max_tokens tokens token_type tokenizer keyboard monkey MONKEY key keys primary_key \
            PRIMARY_KEY sort_key public_key PUBLIC_KEY cache_key keyfile key-file password_file password-stdin secretName \
            secretKeyRef password_length PasswordAuthentication token_url passwordless author authority compass bypass \
            OLDPWD path content query secretary authenticated keywords passage surpass token_endpoint";
        for name in names.split_whitespace() {
            assert!(!sounds_secret(name), "{name}");
        }
    }
}
