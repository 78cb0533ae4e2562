//! Several texts at a time, so that each step reads the weights once for all of them.

use super::error::GenerateError;
use super::options::{FinishReason, GenerateOptions};
use super::text::{Reading, Text};
use crate::{Decoder, KvCache, Slot, Transformer};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tensor::Context;

/// A continuation of any number of texts, which come and go as they like. Each is the one that it
/// would be alone, to the bit.
///
/// ```
/// use model::{BatchGenerator, Event, GenerateOptions, ModelConfig, Transformer};
/// use tensor::Context;
///
/// let shape = ModelConfig { vocab_size: 10, d_model: 16, num_heads: 2, ..Default::default() };
/// let model = Transformer::new(ModelConfig { num_layers: 1, d_ff: 24, ..shape }, 0)?;
/// let mut batch = BatchGenerator::new(&model, Context::detect());
/// for seed in 0..3 {
///     let options = GenerateOptions { max_tokens: 5, seed, ..GenerateOptions::default() };
///     assert_eq!(batch.add(&[1, 2, 3], &options)?, seed as usize); // the number of the text
/// }
/// let (mut texts, mut events) = (vec![Vec::new(); 3], Vec::new());
/// while !batch.is_empty() {
///     batch.step(&mut events);
///     for event in events.drain(..) {
///         if let Event::Token { text, id } = event {
///             texts[text].push(id);
///         }
///     }
/// }
/// assert!(texts.iter().all(|ids| ids.len() == 5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BatchGenerator<'m> {
    model: &'m Transformer,
    ctx: Context,
    decoder: Decoder<'m>,
    /// The cache of each place, and the ids that it reads in this step.
    slots: Vec<Slot>,
    /// The ids at the beginning of each cache that were read as a prompt is read.
    read: Vec<Vec<u32>>,
    /// Each is locked by the thread that chooses its tokens.
    places: Vec<Mutex<Place>>,
    /// The number of texts added so far.
    added: usize,
    prompt_tokens_read: u64,
}

/// A place for a text. It outlives its text, and so does its cache, in which the next text finds
/// memory, and perhaps the beginning of its prompt.
#[derive(Default)]
struct Place {
    text: Option<Text>,
    /// The number of the text.
    number: usize,
    /// The first row of its logits in this step.
    first_row: usize,
    /// The tokens chosen in this step.
    chosen: Vec<u32>,
    /// [`Event::Moved`] has been reported.
    has_moved: bool,
}

/// A happening of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A text has a new token.
    Token {
        /// The number of the text.
        text: usize,
        /// The token.
        id: u32,
    },
    /// A text is longer than the context, so that the model goes on without its beginning.
    Moved {
        /// The number of the text.
        text: usize,
    },
    /// A text has ended.
    End {
        /// The number of the text.
        text: usize,
        /// The reason.
        reason: FinishReason,
    },
}

impl<'m> BatchGenerator<'m> {
    /// Creates a batch without texts.
    pub fn new(model: &'m Transformer, ctx: Context) -> Self {
        let (slots, read, places) = (Vec::new(), Vec::new(), Vec::new());
        let decoder = Decoder::new(model, ctx);
        Self { model, ctx, decoder, slots, read, places, added: 0, prompt_tokens_read: 0 }
    }

    /// Adds a text that continues `prompt`, and returns its number: texts are counted from 0.
    /// Nothing is computed yet.
    ///
    /// # Errors
    /// If the prompt is empty, an id is not in the vocabulary, or a setting is invalid.
    pub fn add(
        &mut self,
        prompt: &[u32],
        options: &GenerateOptions,
    ) -> Result<usize, GenerateError> {
        let config = self.model.config();
        let text = Text::new(config, prompt, options)?;
        let is_free = |place: &mut Mutex<Place>| owned(place).text.is_none();
        let index = self.places.iter_mut().position(is_free).unwrap_or_else(|| {
            self.places.push(Mutex::default());
            self.read.push(Vec::new());
            let ids = Vec::with_capacity(options.speculate + 1);
            self.slots.push(Slot { cache: KvCache::new(config), ids });
            self.places.len() - 1
        });
        let place = owned(&mut self.places[index]);
        (place.text, place.number, place.has_moved) = (Some(text), self.added, false);
        place.chosen.reserve(options.speculate + 1);
        self.added += 1;
        Ok(place.number)
    }

    /// Returns the number of texts that have not ended.
    pub fn len(&self) -> usize {
        self.places.iter().filter(|place| locked(place).text.is_some()).count()
    }

    /// Returns `true` if there is no text that has not ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of tokens of prompts, and of windows that moved on, that the model has
    /// read. Those that another text has read before are not among them.
    pub fn prompt_tokens_read(&self) -> u64 {
        self.prompt_tokens_read
    }

    /// Removes a text that has not ended.
    pub fn remove(&mut self, text: usize) {
        let mut places = self.places.iter_mut().map(owned);
        if let Some(place) = places.find(|place| place.text.is_some() && place.number == text) {
            place.text = None;
        }
    }

    /// Continues each text by a token, or by several if drafts were right, and appends to `events`
    /// what happened. A text that is new reads its prompt.
    pub fn step(&mut self, events: &mut Vec<Event>) {
        let mut rows = 0;
        for index in 0..self.places.len() {
            self.slots[index].ids.clear();
            let place = owned(&mut self.places[index]);
            place.first_row = rows;
            let Some(text) = place.text.as_mut().filter(|text| text.finish_reason().is_none())
            else {
                continue;
            };
            if text.move_window() == Reading::Prompt {
                self.read_prompt(index);
            } else {
                text.next_ids(&mut self.slots[index].ids);
                rows += self.slots[index].ids.len();
            }
        }
        if rows > 0 {
            self.decoder.step(&mut self.slots);
            self.choose();
        }
        for place in &mut self.places {
            owned(place).report(events);
        }
    }

    /// Reads the window of a text as a prompt is read, but for what another text, or the one before
    /// at the same place, has read of the same beginning; and chooses the token that follows.
    fn read_prompt(&mut self, index: usize) {
        let Self { model, ctx, slots, read, places, .. } = self;
        let Place { text: Some(text), chosen, .. } = owned(&mut places[index]) else { return };
        let window = text.window();
        // The last token is always read, as its logits are needed.
        let shared = |read: &Vec<u32>| {
            read.iter().zip(&window[..window.len() - 1]).take_while(|(a, b)| a == b).count()
        };
        let (mut known, mut source) = (shared(&read[index]), index);
        for (other, len) in read.iter().map(shared).enumerate() {
            if len > known {
                (known, source) = (len, other);
            }
        }
        if let Ok([from, to]) = slots.get_disjoint_mut([source, index]) {
            to.cache.copy_from(&from.cache, known);
        }
        let cache = &mut slots[index].cache;
        cache.truncate(known);
        let logits = model.next_logits(*ctx, &window[known..], cache);
        self.prompt_tokens_read += (window.len() - known) as u64;
        read[index].clear();
        read[index].extend_from_slice(window);
        text.choose(ctx.kernels, logits.as_slice(), &[], chosen);
    }

    /// Chooses the tokens that follow the ids of each slot, of several texts at a time.
    fn choose(&mut self) {
        let Self { model, ctx, decoder, slots, places, .. } = self;
        let (logits, vocab_size) = (decoder.logits(), model.config().vocab_size);
        decoder.runner().team().for_each(places.len(), |index| {
            let Place { text, chosen, first_row, .. } = &mut *locked(&places[index]);
            if let (Some(text), [_, drafts @ ..]) = (text, &slots[index].ids[..]) {
                let rows = &logits[*first_row * vocab_size..][..(1 + drafts.len()) * vocab_size];
                text.choose(ctx.kernels, rows, drafts, chosen);
            }
        });
        for (Slot { cache, ids }, place) in slots.iter_mut().zip(places) {
            if let Some(text) = &owned(place).text
                && ids.len() > 1
            {
                cache.truncate(text.positions());
            }
        }
    }
}

/// Returns a place, which this thread alone has.
fn owned(place: &mut Mutex<Place>) -> &mut Place {
    place.get_mut().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a place, which no other thread has at the moment.
fn locked(place: &Mutex<Place>) -> MutexGuard<'_, Place> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    /// Appends the events of this step.
    fn report(&mut self, events: &mut Vec<Event>) {
        let Some(state) = &self.text else { return };
        let text = self.number;
        if state.has_moved() && !std::mem::replace(&mut self.has_moved, true) {
            events.push(Event::Moved { text });
        }
        events.extend(self.chosen.drain(..).map(|id| Event::Token { text, id }));
        if let Some(reason) = state.finish_reason() {
            events.push(Event::End { text, reason });
            self.text = None;
        }
    }
}

#[cfg(test)]
mod tests;
