//! `mcp-server permissions backtest`: what another permission file would have made of the calls of the last days.

use super::{
    check,
    judge::{By, Judge, Judged},
    past::{self, Line},
    recorded::Recorded,
};
use crate::{
    agents::Agents,
    bridge::Bridge,
    catalog,
    command_line::print,
    control::{KindItem, QuestionItem},
    permissions::{Approved, Base, Effect, PRESETS, Permissions, Profiles, Rule, Source},
    settings::Settings,
};
use anyhow::{Result, ensure};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    path::Path,
    sync::Arc,
};

/// So many calls are shown of which the verdict changes.
const MAX_SHOWN: usize = 20;

/// So many where it is about one rule.
const MAX_OF_RULE: usize = 5;

/// A call's details are shown up to so many characters.
const MAX_DETAILS: usize = 120;

/// The words for effects, in their order.
const EFFECTS: [(Effect, &str); 3] = [(Effect::Allow, "allowed"), (Effect::Ask, "asked"), (Effect::Deny, "refused")];

/// So many days are looked at unless another number is said.
pub(super) const DAYS: u32 = 30;

/// What is to be tried.
pub(super) struct Trial<'a> {
    pub(super) file: &'a Path,
    pub(super) days: u32,
    /// Instead of that of each agent.
    pub(super) profile: Option<&'a str>,
}

/// What a rule that a question would have written would make of the agent's calls of the last days, a line each.
///
/// # Errors
/// When the history or the permissions cannot be read, or the rule cannot be written.
pub(super) fn of_rule(
    asked: &QuestionItem,
    kind: &KindItem,
    settings: &Settings,
    directory: &Path,
) -> Result<Vec<String>> {
    let permissions = Permissions::open(directory, Arc::new(settings.clone()), catalog::tools())?;
    let folder = Bridge::folder_in(directory);
    let profile = Agents::open(&folder)?.named(&asked.agent)?.profile();
    let (agent, list, entries) = (&asked.agent, &kind.list, &kind.rules);
    // Whether others have the profile, too, changes where the rule stands, and nothing of what it says of this agent.
    let approved = Approved { agent, profile: &profile, is_shared: true, list, entries };
    let (profiles, other) = permissions.with_approved(&approved)?;
    let now = Judge::open(&permissions.current(), &profile, settings, directory)?;
    let then = Judge::open(&profiles, &other, settings, directory)?;
    let case = Case { now: Ok(now), then: Ok(then), ..Case::new(profile.to_string(), &other) };
    let mut report = Report { cases: [(agent.clone(), case)].into(), ..Report::default() };
    past::each(&folder, DAYS, |line| report.note(line))?;
    let calls = report.cases[agent].calls;
    let said = format!(
        "of {calls} calls in {DAYS} days {} would change{}",
        report.all_changed,
        newest(report.changed.len().min(MAX_OF_RULE), report.all_changed)
    );
    Ok([said].into_iter().chain(report.changed.into_iter().take(MAX_OF_RULE)).collect())
}

/// Tries it; false when the file has mistakes.
///
/// # Errors
/// When one of the files cannot be read, or the present permissions have mistakes.
pub(super) fn backtest(
    trial: &Trial<'_>,
    settings: &Settings,
    directory: &Path,
    mut show: impl FnMut(&str),
) -> Result<bool> {
    ensure!(trial.days > 0, "--days must be at least 1");
    let base = Base { directory, settings, tools: &catalog::tools() };
    let Some(profiles) = check::profiles(trial.file, &base, &mut show)? else { return Ok(false) };
    let present = Permissions::open(directory, Arc::new(settings.clone()), catalog::tools())?.current();
    let folder = Bridge::folder_in(directory);
    let names = Agents::open(&folder)?.all().into_iter().map(|agent| (agent.name, agent.profile.to_string()));
    let case = |(agent, own): (String, String)| {
        let other = trial.profile.unwrap_or(&own);
        let open = |profiles: &Profiles, name: &str| {
            Judge::open(profiles, name, settings, directory).map_err(|why| format!("{why:#}"))
        };
        let case = Case { now: open(&present, &own), then: open(&profiles, other), ..Case::new(own.clone(), other) };
        (agent, case)
    };
    let mut report = Report { cases: names.map(case).collect(), ..Report::default() };
    past::each(&folder, trial.days, |line| report.note(line))?;
    let is_in_use = |name: &str| report.cases.values().any(|case| case.calls > 0 && case.other == name);
    let own = profiles.all().map(|profile| profile.name()).filter(|name| !PRESETS.contains(name));
    report.idle = own.filter(|name| !is_in_use(name)).map(str::to_owned).collect();
    report.show(trial, &mut show);
    Ok(true)
}

/// What came out.
#[derive(Default)]
struct Report {
    /// By the agent.
    cases: BTreeMap<String, Case>,
    /// Calls whose verdict changes, the last ones.
    changed: VecDeque<String>,
    all_changed: usize,
    /// How often each line said something, and when last.
    rules: HashMap<Rule, (usize, String)>,
    /// Calls of agents that are not there any more.
    strangers: usize,
    /// The file's profiles that no agent with calls has.
    idle: Vec<String>,
}

/// One agent.
struct Case {
    profile: String,
    other: String,
    now: Result<Judge, String>,
    then: Result<Judge, String>,
    calls: usize,
    unjudged: usize,
    /// By what the history says, by the present rules, by the others.
    counts: BTreeMap<Effect, [usize; 3]>,
}

impl Case {
    fn new(profile: String, other: &str) -> Self {
        let nobody = || Err(String::new());
        let (now, then, counts) = (nobody(), nobody(), BTreeMap::new());
        Self { profile, other: other.to_owned(), now, then, calls: 0, unjudged: 0, counts }
    }

    /// Whether both sides can judge a call.
    fn can_judge(&self, call: &Recorded) -> bool {
        let is_enough = |judge: &Judge| call.is_enough_for(judge.profile().needs());
        [&self.now, &self.then].into_iter().flatten().all(is_enough)
    }
}

impl Report {
    fn note(&mut self, line: &Line) {
        let Some(call) = Recorded::of(&line.action, &line.details) else { return };
        let Some(case) = self.cases.get_mut(&line.agent) else { return self.strangers += 1 };
        case.calls += 1;
        if !case.can_judge(&call) {
            return case.unjudged += 1;
        }
        let [now, then] = [&case.now, &case.then].map(|judge| verdict(judge, &call));
        for (at, effect) in [line.effect(), now.effect, then.effect].into_iter().enumerate() {
            case.counts.entry(effect).or_default()[at] += 1;
        }
        if let Ok(judge) = &case.then {
            for rule in judge.matching(&call.call) {
                let (times, last) = self.rules.entry(rule.clone()).or_default();
                *times += 1;
                last.clone_from(&line.moment);
            }
        }
        if now.effect != then.effect {
            self.all_changed += 1;
            self.changed.push_front(changed(line, &now, &then));
            self.changed.truncate(MAX_SHOWN);
        }
    }

    fn show(&self, trial: &Trial<'_>, show: &mut impl FnMut(&str)) {
        let file = trial.file.display().to_string();
        for (agent, case) in self.cases.iter().filter(|(_, case)| case.calls > 0) {
            case.show(agent, &file, trial.days, show);
        }
        match self.strangers {
            0 => {}
            1 => show("1 call is of an agent that is not there any more\n"),
            more => show(&format!("{more} calls are of agents that are not there any more\n")),
        }
        show(&format!(
            "{} calls change their verdict{}",
            self.all_changed,
            newest(self.changed.len(), self.all_changed)
        ));
        self.changed.iter().for_each(|line| show(line));
        self.show_rules(&file, show);
    }

    /// The lines of the file, by how often they said something.
    fn show_rules(&self, file: &str, show: &mut impl FnMut(&str)) {
        let judges = self.cases.values().filter(|case| case.calls > 0).filter_map(|case| case.then.as_ref().ok());
        let mut rules: Vec<&Rule> = judges.flat_map(|judge| judge.profile().lines()).collect();
        rules.sort_by_key(|rule| (rule.line, rule.column));
        rules.dedup();
        let (met, never): (Vec<_>, Vec<_>) = rules.into_iter().partition(|rule| self.rules.contains_key(rule));
        show(&format!("\nlines of {file} that said something of these calls: {}", met.len()));
        for rule in met {
            let (times, last) = &self.rules[rule];
            show(&format!("{times:>7} times, last {last}  line {}: {}", rule.line, rule.text));
        }
        show(&format!("\nlines of {file} that never did: {}", never.len()));
        never.iter().for_each(|rule| show(&format!("  line {}: {}", rule.line, rule.text)));
        if !self.idle.is_empty() {
            let idle = self.idle.join(", ");
            show(&format!("\nprofiles of {file} that no agent with calls has, whose lines are not counted: {idle}"));
        }
    }
}

impl Case {
    fn show(&self, agent: &str, file: &str, days: u32, show: &mut impl FnMut(&str)) {
        let Self { profile, other, calls, unjudged, .. } = self;
        let by = if profile == other { String::new() } else { format!(", tried by {other}") };
        show(&format!("{agent}, by the profile {profile}{by}: {calls} calls in {days} days"));
        if let Err(why) = &self.then {
            show(&format!("  by {file} all would be refused: {why}"));
        }
        show(&format!("{:>10}{:>14}{:>14}{:>14}", "", "in history", "by rules now", "by the file"));
        for (effect, word) in EFFECTS {
            let [past, now, then] = self.counts.get(&effect).copied().unwrap_or_default();
            show(&format!("{word:>10}{past:>14}{now:>14}{then:>14}"));
        }
        show(&format!("{:>10}{unjudged:>14}  of which the history does not tell enough\n", "unjudged"));
    }
}

fn verdict(judge: &Result<Judge, String>, call: &Recorded) -> Judged {
    match judge {
        Ok(judge) => judge.judge(&call.call),
        Err(why) => Judged { effect: Effect::Deny, why: why.clone(), by: By::Nobody },
    }
}

fn changed(line: &Line, now: &Judged, then: &Judged) -> String {
    let word =
        |judged: &Judged| EFFECTS.iter().find(|(effect, _)| *effect == judged.effect).map_or("", |(_, word)| word);
    let by = match &then.by {
        By::Rule(rule) if rule.source == Source::Own => format!("line {}: {}", rule.line, rule.text),
        By::Rule(rule) => rule.to_string(),
        _ => then.why.clone(),
    };
    let (details, agent) = (print::plain(&line.details.to_string(), MAX_DETAILS), &line.agent);
    let action = print::plain(&line.action, MAX_DETAILS);
    format!(
        "{}  {agent}  {} → {}  {action} {details}\n    {}",
        line.moment,
        word(now),
        word(then),
        print::plain(&by, 200)
    )
}

fn newest(shown: usize, all: usize) -> String {
    match (shown, all) {
        (_, 0) => String::new(),
        (shown, all) if shown == all => ", newest first:".to_owned(),
        _ => format!(", the newest {shown}:"),
    }
}
