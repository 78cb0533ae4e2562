//! Completions of texts, many at a time: token ids become text, which is shown in the order of the
//! requests.

use std::collections::VecDeque;
use std::mem::replace;
use std::rc::Rc;
use std::time::Instant;

use anyhow::Result;
use bpe::StreamDecoder;
use model::{BatchGenerator, Event, FinishReason, GenerateOptions};

use super::engine::{Engine, Prompt};
use super::settings::Settings;
use super::stop::StopFilter;
use crate::shell::interrupt::{self, Interrupted};

/// The most texts that are generated at a time. More make no step faster per text: the products of
/// 16 rows take as long as reading their weights.
const TOGETHER: usize = 16;

/// The most texts that are begun and not yet shown, as they wait for one that is longer.
const AHEAD: usize = 256;

/// A request for one completion.
#[derive(Debug, Clone)]
pub struct Request {
    /// The text to continue.
    pub prompt: Rc<Prompt>,
    /// The choice of tokens, and their number.
    pub settings: Settings,
    /// The seed of the choices.
    pub seed: u64,
}

/// The text generated after a prompt.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The text that it continues.
    pub prompt: Rc<Prompt>,
    /// The text, without the stop string.
    pub text: String,
    /// The bytes of prompt and text together, also those that are no characters and that `text` has
    /// U+FFFD for.
    pub whole: Vec<u8>,
    /// The ids generated, without a stop token.
    pub tokens: Vec<u32>,
    /// The reason for its end; `None` after Ctrl-C.
    pub finish: Option<FinishReason>,
    /// `true` if prompt and text are longer than the context, so that the model went on without
    /// their beginning.
    pub left_context: bool,
    /// Tokens per second after the first one, which waits for the prompt to be read; `None` if
    /// other texts were generated at the same time.
    pub tokens_per_second: Option<f64>,
    /// The seed of the choices.
    pub seed: u64,
}

/// An answer of a source of requests.
pub enum Next {
    /// The next request.
    Request(Request),
    /// None has come yet.
    Pending,
    /// There are no more.
    End,
}

/// A choice of what is done while no request has come yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Wait for one.
    Yes,
    /// Return at once.
    No,
}

/// A source of requests.
pub trait Source {
    /// Returns the next request.
    ///
    /// # Errors
    /// When it is invalid or cannot be read.
    fn next(&mut self, wait: Wait) -> Result<Next>;
}

/// A place where texts are shown, one after the other.
pub trait Show {
    /// Begins a text.
    ///
    /// # Errors
    /// When it cannot be shown.
    fn begin(&mut self, prompt: &Prompt) -> Result<()>;
    /// Shows the next piece of a text, in whole characters.
    ///
    /// # Errors
    /// When it cannot be shown.
    fn piece(&mut self, piece: &str) -> Result<()>;
    /// Ends a text.
    ///
    /// # Errors
    /// When it cannot be shown.
    fn end(&mut self, completion: Completion) -> Result<()>;
}

/// A text that was begun and not yet shown to its end.
struct Text<'a> {
    engine: &'a Engine,
    request: Request,
    decoder: StreamDecoder<'a>,
    filter: StopFilter<'a>,
    text: String,
    /// The number of bytes of `text` that were shown.
    shown: usize,
    tokens: Vec<u32>,
    first_at: Option<Instant>,
    last_at: Option<Instant>,
    is_alone: bool,
    left_context: bool,
    state: State,
}

/// The progress of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Ended(Option<FinishReason>),
}

impl<'a> Text<'a> {
    fn new(engine: &'a Engine, request: Request, stop: &'a [String]) -> Text<'a> {
        let mut decoder = engine.tokenizer.stream_decoder();
        decoder.push_bytes(request.prompt.rest());
        Text {
            engine,
            request,
            decoder,
            filter: StopFilter::new(stop),
            text: String::new(),
            shown: 0,
            tokens: Vec::new(),
            first_at: None,
            last_at: None,
            is_alone: true,
            left_context: false,
            state: State::Running,
        }
    }

    /// Appends a token, unless the text has ended.
    fn push(&mut self, id: u32) -> Result<()> {
        if self.state != State::Running {
            return Ok(());
        }
        let now = Instant::now();
        self.first_at.get_or_insert(now);
        self.last_at = Some(now);
        self.tokens.push(id);
        if self.engine.knows(id) {
            let filtered = self.filter.push(&self.decoder.push(id)?);
            self.text += &filtered.text;
            if filtered.stopped {
                self.state = State::Ended(Some(FinishReason::Stop));
            }
        }
        Ok(())
    }

    /// Ends the text, unless it has ended, and adds what was held back.
    fn end(&mut self, reason: Option<FinishReason>) {
        if self.state != State::Running {
            return;
        }
        let decoder = replace(&mut self.decoder, self.engine.tokenizer.stream_decoder());
        let last = self.filter.push(&decoder.finish());
        self.text += &last.text;
        self.state = if last.stopped {
            State::Ended(Some(FinishReason::Stop))
        } else {
            self.text += &self.filter.finish();
            State::Ended(reason)
        };
    }

    /// Shows what is known of the text and was not yet shown.
    fn show(&mut self, show: &mut impl Show) -> Result<()> {
        let piece = &self.text[self.shown..];
        if !piece.is_empty() {
            show.piece(piece)?;
            self.shown = self.text.len();
        }
        Ok(())
    }

    fn completion(self, finish: Option<FinishReason>) -> Result<Completion> {
        let Text { engine, request: Request { prompt, seed, .. }, text, tokens, .. } = self;
        // A stop string is part of the tokens and not of the text.
        let whole = if finish == Some(FinishReason::Stop) {
            [prompt.shown(), text.as_bytes()].concat()
        } else {
            let known = tokens.iter().copied().filter(|&id| engine.knows(id));
            let mut whole = prompt.text().to_vec();
            engine.tokenizer.decode_into(known, &mut whole)?;
            whole
        };
        let rest = tokens.len().saturating_sub(1);
        let time = self.first_at.zip(self.last_at).map(|(first, last)| last - first);
        let tokens_per_second = time
            .filter(|_| rest > 0 && self.is_alone)
            .map(|time| rest as f64 / time.as_secs_f64().max(1e-9));
        let left_context = self.left_context;
        Ok(Completion {
            prompt,
            text,
            whole,
            tokens,
            finish,
            left_context,
            tokens_per_second,
            seed,
        })
    }
}

/// Generates a text for each request, and shows them in the order of the requests: the first one as
/// it is generated, each other one when it is its turn. Strings of `stop` end a text, beside the
/// model's end tokens. After Ctrl-C the text that is being shown is the last.
///
/// # Errors
/// When a request cannot be fulfilled, after those before it were; or when a text cannot be shown.
pub fn complete(
    engine: &Engine,
    source: &mut impl Source,
    stop: &[String],
    show: &mut impl Show,
) -> Result<()> {
    let mut batch = BatchGenerator::new(&engine.model, engine.context);
    let mut texts: VecDeque<Text> = VecDeque::new();
    // The number of the first of `texts`, and what ended the requests.
    let (mut first, mut end, mut events) = (0, None, Vec::new());
    loop {
        while end.is_none() && batch.len() < TOGETHER && texts.len() < AHEAD {
            let wait = if texts.is_empty() { Wait::Yes } else { Wait::No };
            let added = source.next(wait).and_then(|next| match next {
                Next::Request(request) => add(engine, &mut batch, request, stop).map(Some),
                Next::Pending => Ok(None),
                Next::End => {
                    end = Some(Ok(()));
                    Ok(None)
                }
            });
            match added {
                Ok(Some(text)) => {
                    if texts.is_empty() {
                        show.begin(&text.request.prompt)?;
                    }
                    texts.push_back(text);
                }
                Ok(None) => break,
                Err(error) => end = Some(Err(error)),
            }
        }
        if texts.is_empty()
            && let Some(end) = end
        {
            return end;
        }
        if batch.len() > 1 {
            texts.iter_mut().for_each(|text| text.is_alone = false);
        }
        if interrupt::requested() {
            if texts.is_empty() {
                return Err(Interrupted.into());
            }
            texts.truncate(1);
            texts.iter_mut().for_each(|text| text.end(None));
            end = Some(Ok(()));
        } else {
            batch.step(&mut events);
        }
        for event in events.drain(..) {
            match event {
                Event::Token { text, id } => {
                    let number = text;
                    let text = &mut texts[number - first];
                    text.push(id)?;
                    if text.state != State::Running {
                        batch.remove(number);
                    }
                }
                Event::Moved { text } => texts[text - first].left_context = true,
                Event::End { text, reason } => texts[text - first].end(Some(reason)),
            }
        }
        while let Some(text) = texts.front_mut() {
            text.show(show)?;
            let State::Ended(finish) = text.state else { break };
            let text = texts.pop_front().map(|text| text.completion(finish));
            text.map_or(Ok(()), |completion| show.end(completion?))?;
            first += 1;
            if let Some(next) = texts.front() {
                show.begin(&next.request.prompt)?;
            }
        }
    }
}

/// Adds a text to the batch.
fn add<'a>(
    engine: &'a Engine,
    batch: &mut BatchGenerator<'_>,
    request: Request,
    stop: &'a [String],
) -> Result<Text<'a>> {
    let Request { prompt, settings, seed } = &request;
    let (sampling, max_tokens, seed) = (settings.sampling(), settings.max_tokens, *seed);
    let (stop_ids, speculate) = (engine.stop_ids(stop), settings.speculate);
    let options = GenerateOptions { sampling, max_tokens, stop_ids, seed, speculate };
    batch.add(prompt.ids(), &options)?;
    Ok(Text::new(engine, request, stop))
}

/// One request.
pub struct Once(pub Option<Request>);

impl Source for Once {
    fn next(&mut self, _: Wait) -> Result<Next> {
        Ok(self.0.take().map_or(Next::End, Next::Request))
    }
}
