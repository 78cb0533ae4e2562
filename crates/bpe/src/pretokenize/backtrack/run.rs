//! Running a program on a text.

use super::node::{Mode, Wanted};
use super::program::{Op, Program};

/// The steps per byte of a text after which matching gives up. Texts that people write need some
/// ten.
const STEPS_PER_BYTE: usize = 4096;
/// The steps that any text may need.
const FREE_STEPS: usize = 1 << 20;

/// The places to return to after which matching gives up: more than a hundred megabytes.
const MAX_RETRIES: usize = 1 << 22;

/// Too many steps: the expression looks at the same text again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// A place to return to.
#[derive(Debug, Clone, Copy)]
enum Retry {
    /// Another way.
    At { pc: usize, at: usize },
    /// A greedy run that ends at `high`, and may end as early as `low`.
    Shorter { pc: usize, low: usize, high: usize },
    /// A lazy run that ends at `at`, and may have `more` characters of `set`.
    Longer { pc: usize, set: usize, at: usize, more: usize },
}

struct Matcher<'p> {
    program: &'p Program,
    text: &'p str,
    retries: Vec<Retry>,
    steps: usize,
}

/// Calls `found` with the start and the end of each match of `program` in `text`, as Oniguruma's
/// iterator finds them: none is empty directly behind another.
///
/// # Errors
/// [`Exhausted`].
pub(crate) fn find_all(
    program: &Program,
    text: &str,
    mut found: impl FnMut(usize, usize),
) -> Result<(), Exhausted> {
    let steps = text.len().saturating_mul(STEPS_PER_BYTE).saturating_add(FREE_STEPS);
    let mut matcher = Matcher { program, text, retries: Vec::new(), steps };
    let (mut start, mut last_end) = (0, None);
    while start <= text.len() {
        match matcher.run(0, start)? {
            Some(end) if end > start || last_end != Some(end) => {
                found(start, end);
                last_end = Some(end);
                if end > start {
                    start = end;
                    continue;
                }
            }
            _ => {}
        }
        start += text[start..].chars().next().map_or(1, char::len_utf8);
    }
    Ok(())
}

impl Matcher<'_> {
    /// Counts `steps`.
    #[inline]
    fn count(&mut self, steps: usize) -> Result<(), Exhausted> {
        self.steps = self.steps.checked_sub(steps).ok_or(Exhausted)?;
        Ok(())
    }

    /// Runs the program from `pc` on at `at`, up to its [`Op::Done`]. Returns the end of the match.
    fn run(&mut self, mut pc: usize, mut at: usize) -> Result<Option<usize>, Exhausted> {
        let base = self.retries.len();
        loop {
            self.count(1)?;
            let goes_on = match self.program.ops[pc] {
                Op::Set(set) => match self.program.sets[set].len_at(self.text, at) {
                    Some(len) => {
                        at += len;
                        pc += 1;
                        true
                    }
                    None => false,
                },
                Op::Run { set, min, max, mode } => {
                    let end = self.start_run(pc + 1, at, (set, min, max, mode))?;
                    at = end.unwrap_or(at);
                    pc += 1;
                    end.is_some()
                }
                Op::Split { first, second } => {
                    if self.retries.len() >= MAX_RETRIES {
                        return Err(Exhausted);
                    }
                    self.retries.push(Retry::At { pc: second, at });
                    pc = first;
                    true
                }
                Op::Jump(next) => {
                    pc = next;
                    true
                }
                Op::Start => {
                    pc += 1;
                    at == 0
                }
                Op::End => {
                    pc += 1;
                    at == self.text.len()
                }
                Op::Atomic { next } => {
                    let end = self.run(pc + 1, at)?;
                    at = end.unwrap_or(at);
                    pc = next;
                    end.is_some()
                }
                Op::Look { behind, wanted, next } => {
                    let is_match = match self.back(at, behind) {
                        Some(from) => self.run(pc + 1, from)?.is_some(),
                        None => false,
                    };
                    pc = next;
                    is_match == (wanted == Wanted::Match)
                }
                Op::Done => {
                    self.retries.truncate(base);
                    return Ok(Some(at));
                }
            };
            if !goes_on {
                match self.retry(base)? {
                    Some(place) => (pc, at) = place,
                    None => return Ok(None),
                }
            }
        }
    }

    /// Matches a run, and leaves a place to return to for its other lengths. Returns its end.
    #[inline]
    fn start_run(
        &mut self,
        pc: usize,
        start: usize,
        (set, min, max, mode): (usize, usize, usize, Mode),
    ) -> Result<Option<usize>, Exhausted> {
        let program = self.program;
        let set_at = |at| program.sets[set].len_at(self.text, at);
        let (mut at, mut low, mut count) = (start, start, 0);
        let most = if mode == Mode::Lazy { min } else { max };
        while count < most
            && let Some(len) = set_at(at)
        {
            at += len;
            count += 1;
            if count <= min {
                low = at;
            }
        }
        self.count(count)?;
        if count < min {
            return Ok(None);
        }
        match mode {
            Mode::Greedy if low < at => self.retries.push(Retry::Shorter { pc, low, high: at }),
            Mode::Lazy if max > min => {
                self.retries.push(Retry::Longer { pc, set, at, more: max - min });
            }
            _ => {}
        }
        Ok(Some(at))
    }

    /// Takes the last place to return to, down to `base`. Returns an instruction and a position.
    fn retry(&mut self, base: usize) -> Result<Option<(usize, usize)>, Exhausted> {
        while self.retries.len() > base
            && let Some(last) = self.retries.last_mut()
        {
            match last {
                &mut Retry::At { pc, at } => {
                    self.retries.pop();
                    return Ok(Some((pc, at)));
                }
                Retry::Shorter { pc, low, high } => {
                    let at = char_before(self.text, *high);
                    let place = (*pc, at);
                    *high = at;
                    if at <= *low {
                        self.retries.pop();
                    }
                    return Ok(Some(place));
                }
                Retry::Longer { pc, set, at, more } => {
                    let Some(len) = self.program.sets[*set].len_at(self.text, *at) else {
                        self.retries.pop();
                        continue;
                    };
                    *at += len;
                    *more -= 1;
                    let place = (*pc, *at);
                    if *more == 0 {
                        self.retries.pop();
                    }
                    return Ok(Some(place));
                }
            }
        }
        Ok(None)
    }

    /// Returns the position `chars` characters before `at`, if there are as many.
    fn back(&self, mut at: usize, chars: usize) -> Option<usize> {
        for _ in 0..chars {
            if at == 0 {
                return None;
            }
            at = char_before(self.text, at);
        }
        Some(at)
    }
}

/// Returns the start of the character before `at`, which is not 0.
fn char_before(text: &str, at: usize) -> usize {
    (0..at).rev().find(|&start| text.is_char_boundary(start)).unwrap_or(0)
}
