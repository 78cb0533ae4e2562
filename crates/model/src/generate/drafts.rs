//! Drafts: tokens that are likely to come next because the text has been here before. They are
//! checked in one step of the model, and cost little where they are right and where they are wrong.
//!
//! Prompt lookup (A. Saxena, *Prompt Lookup Decoding*, 2023): the last few tokens are searched for
//! in the text before them, and the tokens that followed there are the draft.
//!
//! Each row of a step has its price, so drafts have to earn it. A draft that was right to its end
//! doubles the length of the next one. One that was wrong from its beginning stops the search for a
//! while, twice as long each time, so that a text without repetition pays for few of them.

/// The number of tokens that have to be the same before a draft; fewer repeat by chance.
const MATCH: usize = 3;

/// The longest pause, in steps.
const LONGEST_PAUSE: usize = 64;

/// The search for drafts in one text.
#[derive(Debug)]
pub(super) struct Drafts {
    /// The most tokens of a draft; 0 turns it off.
    limit: usize,
    /// The most tokens of the next draft.
    len: usize,
    /// The steps until the next search.
    wait: usize,
    /// The length of the next pause.
    pause: usize,
}

impl Drafts {
    /// Begins with drafts of at most `limit` tokens.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, len: limit.min(2), wait: 0, pause: 1 }
    }

    /// Appends to `out` a draft of at most `room` tokens that may follow `text`.
    pub(super) fn propose(&mut self, text: &[u32], room: usize, out: &mut Vec<u32>) {
        if self.limit == 0 {
            return;
        }
        if self.wait > 0 {
            self.wait -= 1;
            return;
        }
        if let Some(distance) = repetition(text) {
            let first = out.len();
            for i in 0..self.len.min(room) {
                // Beyond the end of the text, what repeats is the draft itself.
                let id = if i < distance {
                    text[text.len() - distance + i]
                } else {
                    out[first + i - distance]
                };
                out.push(id);
            }
        }
    }

    /// Learns that the first `right` of `drafted` tokens, at least one, were right.
    pub(super) fn learn(&mut self, drafted: usize, right: usize) {
        if right == 0 {
            self.len = self.limit.min(2);
            self.wait = self.pause;
            self.pause = (2 * self.pause).min(LONGEST_PAUSE);
        } else if right == drafted {
            self.len = (2 * self.len).min(self.limit);
            self.pause = 1;
        } else {
            self.len = right.max(2).min(self.limit);
        }
    }
}

/// Returns how many tokens before the end the last [`MATCH`] tokens occurred before, the latest
/// place of all.
fn repetition(text: &[u32]) -> Option<usize> {
    let (_, last) = text.split_last_chunk::<MATCH>()?;
    let before = &text[..text.len() - 1];
    before.windows(MATCH).rev().position(|window| window == last).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(text: &[u32], len: usize) -> Vec<u32> {
        let (mut drafts, mut out) = (Drafts::new(len), Vec::new());
        drafts.len = len;
        drafts.propose(text, 9, &mut out);
        out
    }

    #[test]
    fn the_latest_repetition_goes_on() {
        assert_eq!(draft(&[1, 2, 3, 4, 1, 2, 3, 5, 6, 1, 2, 3], 2), [5, 6]);
        assert_eq!(draft(&[1, 2, 3, 4, 1, 2, 3], 99), [4, 1, 2, 3, 4, 1, 2, 3, 4]);
        assert_eq!(draft(&[7, 7, 7, 7], 3), [7, 7, 7]);
        assert_eq!(draft(&[8, 9, 8, 9, 8], 4), [9, 8, 9, 8]);
        for text in [&[][..], &[1], &[1, 2, 3], &[1, 2, 3, 4], &[1, 2, 4, 1, 2, 3]] {
            assert_eq!(draft(text, 4), [0; 0], "{text:?}");
        }
    }

    /// The numbers of tokens drafted in each of some steps after which so many were right.
    fn lengths(limit: usize, right: &[usize]) -> Vec<usize> {
        let text = [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].as_slice(); 3].concat();
        let mut drafts = Drafts::new(limit);
        let step = |&right: &usize| {
            let mut out = Vec::new();
            drafts.propose(&text, 100, &mut out);
            if !out.is_empty() {
                drafts.learn(out.len(), right.min(out.len()));
            }
            out.len()
        };
        right.iter().map(step).collect()
    }

    #[test]
    fn drafts_get_longer_while_they_are_right_and_rarer_while_they_are_wrong() {
        assert_eq!(lengths(8, &[9; 5]), [2, 4, 8, 8, 8]);
        assert_eq!(lengths(8, &[9, 9, 3, 9]), [2, 4, 8, 3]);
        assert_eq!(lengths(5, &[9, 9, 9]), [2, 4, 5]);
        assert_eq!(lengths(8, &[0; 8]), [2, 0, 2, 0, 0, 2, 0, 0]);
        assert_eq!(lengths(1, &[9, 0, 0, 9, 9]), [1, 1, 0, 1, 1]);
        assert_eq!(lengths(0, &[9, 9]), [0, 0]);
        let wrong = lengths(8, &[0; 200]);
        assert!(wrong.iter().filter(|len| **len > 0).count() <= 9, "{wrong:?}");
    }
}
