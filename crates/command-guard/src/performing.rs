//! Performs what a call does: each effect is judged where it takes place.

use super::Refusal;
use super::changes::starts_by_itself;
use super::effects::{Around, Call, Code, Effect, Effects, Run};
use super::judge::{Judge, Judged};
use super::programs::search::filled;
use super::programs::{interpreters, windows};
use super::scope::Scope;
use super::shells;
use super::targets::resolve;
use super::values::{Data, Field};

impl Judge<'_> {
    /// Gathers what a call does, and performs it; what flows out of it, if that is known.
    pub(crate) fn perform(
        &mut self,
        name: &str,
        arguments: &[Field],
        gather: impl FnOnce(&Call<'_>, &mut Effects),
        scope: &mut Scope,
    ) -> Judged<Option<Data>> {
        let mut effects = Effects::default();
        let mentions = |word: &str| self.mentions(word);
        gather(&Call { name, arguments, scope, context: self.context, mentions: &mentions }, &mut effects);
        let mut output = None;
        for effect in effects.0 {
            let flowed = match self.effect(effect, scope) {
                Err(refusal) => self.refused(refusal, None)?,
                Ok(flowed) => flowed,
            };
            output = flowed.or(output);
        }
        Ok(output)
    }

    fn effect(&mut self, effect: Effect, scope: &mut Scope) -> Judged<Option<Data>> {
        match effect {
            Effect::Refuse(refusal) => return Err(refusal),
            Effect::Removes { by, place, extent } => self.removes(&by, &place, extent, scope)?,
            Effect::MovesAway(place) => self.moves_away(&place, scope)?,
            Effect::Writes { by, file, how } => self.writes(&by, &file, how, scope)?,
            Effect::Unpacks { by, into, over } => self.unpacks(&by, &into, over, scope)?,
            Effect::Runs(run) => return self.runs(*run, scope),
            Effect::RunsLater { file, data } => self.runs_later(&file, &data, scope)?,
            Effect::Holds { file, data, append } => scope.write_file(&file, data, append),
            Effect::Links { link, meaning } => {
                if let (Some(link), Some(meaning)) = (resolve(&link, scope).first(), resolve(&meaning, scope).first())
                    && meaning != link
                {
                    scope.links.push((link.shown(), meaning.shown()));
                }
            }
            Effect::NamesProgram { source, copy } => scope.name_program(&source, &copy),
            Effect::Prints(data) => return Ok(Some(data)),
        }
        Ok(None)
    }

    fn runs(&mut self, run: Run, scope: &mut Scope) -> Judged<Option<Data>> {
        let result = self.forgiving(run.forgives, |judge| match run.around {
            Around::SameShell => judge.code(run.code, scope),
            Around::Here => judge.code(run.code, &mut scope.clone()),
            Around::Other(mut inner) => {
                let result = judge.code(run.code, &mut inner);
                if run.prints {
                    scope.files.extend(inner.files);
                }
                result
            }
        });
        match result {
            Err(refusal) if (run.forgives)(refusal.rule) => Ok(None),
            result => result.map(|data| run.prints.then_some(data)),
        }
    }

    fn code(&mut self, code: Code, scope: &mut Scope) -> Judged {
        match code {
            Code::Program(argv) => self.run(&argv, scope),
            Code::Each { command, mark, items } => {
                let mut output = Data::Nothing;
                for item in &items {
                    output = self.run(&filled(&command, &mark, item), &mut scope.clone())?;
                }
                Ok(output)
            }
            Code::Line { text, source } => shells::run_text(self, &source, &text, scope),
            Code::Script { interpreter, text, arguments } => self.script_of(&interpreter, &text, &arguments, scope),
            Code::Windows { is_powershell, text } => self.deeper(|judge| {
                judge.spend()?;
                judge
                    .perform("", &[], |call, effects| windows::text(call, is_powershell, &text, effects), scope)
                    .map(|_| Data::local())
            }),
        }
    }

    /// Judges code by the calls in it.
    pub(crate) fn script_of(
        &mut self,
        interpreter: &str,
        text: &str,
        arguments: &[Field],
        scope: &mut Scope,
    ) -> Judged {
        self.spend()?;
        self.deeper(|judge| {
            judge.perform(interpreter, arguments, |call, effects| interpreters::code(call, text, effects), scope)
        })?;
        Ok(Data::local())
    }

    /// What is written where a shell or git will run it unasked is judged as if it ran now.
    fn runs_later(&mut self, file: &Field, data: &Data, scope: &Scope) -> Judged<()> {
        if !self.places(file, scope).iter().any(|(target, _)| starts_by_itself(&target.shown())) {
            return Ok(());
        }
        match shells::run_file(self, data, &[], &mut scope.clone()) {
            Err(Refusal { rule: "unparsable", .. }) | Ok(_) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }
}
