//! The words of the page, in English and French.

/// The words in one language.
pub(super) struct Words {
    pub(super) language: &'static str,
    pub(super) title: &'static str,
    /// Before and behind the place that asks.
    pub(super) asks: [&'static str; 2],
    pub(super) calls_itself: &'static str,
    pub(super) registered: &'static str,
    pub(super) document: &'static str,
    pub(super) answer_goes: &'static str,
    pub(super) profile: &'static str,
    pub(super) presets: [(&'static str, &'static str); 3],
    pub(super) own: &'static str,
    pub(super) agent: &'static str,
    pub(super) code: &'static str,
    pub(super) how: &'static str,
    pub(super) allow: &'static str,
    pub(super) deny: &'static str,
    pub(super) take_back: &'static str,
    pub(super) cannot: &'static str,
    pub(super) begin_again: &'static str,
}

pub(super) const ENGLISH: Words = Words {
    language: "en",
    title: "Let it use this machine?",
    asks: ["", " wants to use this machine"],
    calls_itself: "It calls itself",
    registered: "Anybody can choose that name: only the address counts",
    document: "Who it is says",
    answer_goes: "Your answer goes to",
    profile: "What it may do",
    presets: [
        ("trusted", "everything that your settings let through, without asking"),
        ("careful", "reads and works in the workspace; you are asked about commands, the network and large deletions"),
        ("read-only", "reads and searches; changes and runs nothing"),
    ],
    own: "as your permissions.toml says",
    agent: "What you call it",
    code: "Code from your machine",
    how: "Run `mcp-server open --code` where the bridge runs, and type what it shows. It counts once, for 5 minutes.",
    allow: "Let it in",
    deny: "No",
    take_back: "You can take this back at any time: `mcp-server agent revoke`.",
    cannot: "This cannot be done",
    begin_again: "Begin again in the program that sent you here.",
};

pub(super) const FRENCH: Words = Words {
    language: "fr",
    title: "Le laisser se servir de cette machine ?",
    asks: ["", " veut se servir de cette machine"],
    calls_itself: "Il se nomme",
    registered: "Chacun choisit son nom : seule l'adresse compte",
    document: "Qui il est, d'après",
    answer_goes: "Votre réponse part vers",
    profile: "Ce qu'il peut faire",
    presets: [
        ("trusted", "tout ce que vos réglages laissent passer, sans demander"),
        (
            "careful",
            "lit et travaille dans l'espace de travail ; les commandes, le réseau et les grandes suppressions vous sont demandés",
        ),
        ("read-only", "lit et cherche ; ne modifie et n'exécute rien"),
    ],
    own: "ce que dit votre permissions.toml",
    agent: "Le nom que vous lui donnez",
    code: "Code de votre machine",
    how: "Lancez `mcp-server open --code` là où tourne le pont, et tapez ce qui s'affiche. Le code vaut une fois, pendant 5 minutes.",
    allow: "Laisser entrer",
    deny: "Non",
    take_back: "Vous pouvez y revenir à tout moment : `mcp-server agent revoke`.",
    cannot: "Ce n'est pas possible",
    begin_again: "Recommencez dans le programme qui vous a envoyé ici.",
};

/// Those for who reads these languages (RFC 9110, section 12.5.4), of which the first that is spoken here counts.
pub(super) fn for_reader(languages: &str) -> &'static Words {
    let mut named =
        languages.split(',').map(|one| one.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    named
        .find_map(|one| match one.split('-').next() {
            Some("en") => Some(&ENGLISH),
            Some("fr") => Some(&FRENCH),
            _ => None,
        })
        .unwrap_or(&ENGLISH)
}
