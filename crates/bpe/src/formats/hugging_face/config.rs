//! Reading `tokenizer_config.json` and the files beside it that say which tokens are special:
//! `special_tokens_map.json` and `added_tokens.json`, which older versions of `transformers` wrote.
//!
//! Precedence is that of `transformers` 5: where `tokenizer_config.json` has an
//! `added_tokens_decoder`, the other two do not count.

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::RandomState;
use serde_json::Value;

use super::added_tokens::AddedToken;
use super::fields::Fields;
use crate::error::Result;
use crate::formats::parts::BeginOfText;
use crate::formats::source::Source;
use crate::special::END_OF_TEXT;

/// The name of the file for `transformers`.
pub const CONFIG: &str = "tokenizer_config.json";
const SPECIAL_TOKENS_MAP: &str = "special_tokens_map.json";
const ADDED_TOKENS: &str = "added_tokens.json";

/// The special tokens that have a role, in the order in which they are added.
const ROLES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// The three files. One that is missing is empty.
pub(in crate::formats) struct Config {
    pub(super) fields: Fields,
    map: Fields,
    added: Fields,
    pub(in crate::formats) exists: bool,
}

/// The tokens that the three files declare.
pub(in crate::formats) struct Declared {
    /// All that are to be added, in this order.
    pub(in crate::formats) tokens: Vec<AddedToken>,
    /// The content of tokens by their roles.
    roles: Vec<(String, String)>,
}

impl Declared {
    /// Returns the content of the token that has a role.
    pub(in crate::formats) fn role(&self, name: &str) -> Option<&str> {
        self.roles.iter().find(|(role, _)| role == name).map(|(_, content)| content.as_str())
    }
}

impl Config {
    /// Reads the files.
    ///
    /// # Errors
    /// When one of them is damaged.
    pub(in crate::formats) fn read(source: Source) -> Result<Config> {
        let read = |name: &str| Fields::read(source, name);
        let fields = read(CONFIG)?;
        Ok(Config {
            exists: fields.is_some(),
            fields: fields.unwrap_or_default(),
            map: read(SPECIAL_TOKENS_MAP)?.unwrap_or_default(),
            added: read(ADDED_TOKENS)?.unwrap_or_default(),
        })
    }

    /// Returns a field of `tokenizer_config.json` that is `true` or `false`.
    pub(in crate::formats) fn flag(&self, name: &str) -> Option<bool> {
        self.fields.get(name)?.as_bool()
    }

    /// Returns the tokens to add to those that `tokenizer.json` has. `defaults` are the contents of
    /// roles that no file mentions.
    ///
    /// # Errors
    /// When a token is no token.
    pub(in crate::formats) fn declared(
        &self,
        in_tokenizer: &[(u32, AddedToken)],
        defaults: &[(&str, &str)],
    ) -> Result<Declared> {
        let decoder = self.decoder(in_tokenizer)?;
        let by_content: HashMap<&str, &AddedToken, RandomState> =
            decoder.values().map(|token| (token.content.as_str(), token)).collect();
        let mut named = self.named(defaults)?;
        for (role, token) in &mut named {
            let described = by_content.get(token.content.as_str());
            if let Some(&described) = described.filter(|_| ROLES.contains(&role.as_str())) {
                *token = described.clone();
            }
        }
        let is_named = |token: &AddedToken| named.iter().any(|(_, n)| n.content == token.content);

        let known: HashSet<&AddedToken, RandomState> =
            in_tokenizer.iter().map(|(_, token)| token).collect();
        let mut seen: HashSet<String, RandomState> =
            in_tokenizer.iter().map(|(_, token)| token.content.clone()).collect();
        let mut tokens = Vec::new();
        let as_declared = |token: &AddedToken| match is_named(token) {
            true => token.clone().made_special(),
            false => token.clone(),
        };
        for token in decoder.values().filter(|token| !known.contains(token)) {
            seen.insert(token.content.clone());
            tokens.push(as_declared(token));
        }
        let extra = self.extra()?;
        for token in named.iter().map(|(_, token)| token).chain(&extra) {
            if seen.insert(token.content.clone()) {
                tokens.push(as_declared(token));
            }
        }
        if self.fields.text("tokenizer_class").is_some_and(|class| class.starts_with("Qwen2Tok")) {
            // This class adds them all once more, without flags.
            let all = named.iter().map(|(_, token)| token).chain(&extra);
            tokens.extend(all.map(|token| AddedToken::special(token.content.clone())));
        }
        let roles = named.into_iter().map(|(role, token)| (role, token.content)).collect();
        Ok(Declared { tokens, roles })
    }

    /// Returns `begin`, or that there is nothing where the files say more than the tokenizer does.
    pub(super) fn or_stated(&self, begin: BeginOfText) -> BeginOfText {
        // As `transformers` 5, which does not obey these fields beside a `tokenizer.json`.
        let is_stated = self.flag("add_bos_token").is_some();
        let is_open = begin == BeginOfText::Unstated;
        if is_stated && is_open { BeginOfText::Nothing } else { begin }
    }

    /// Returns the id of the token that ends a text: the one with that role; where the files do not
    /// name it, [`END_OF_TEXT`], or the only special token if no file tells of roles.
    pub(in crate::formats) fn end_of_text(
        &self,
        declared: &Declared,
        specials: &[(String, u32)],
    ) -> Option<u32> {
        let id_of = |content: &str| specials.iter().find(|(text, _)| text == content).map(|s| s.1);
        let named = declared.role("eos_token").and_then(id_of).or_else(|| id_of(END_OF_TEXT));
        named.or(match specials {
            &[(_, only)] if !self.exists => Some(only),
            _ => None,
        })
    }

    fn has_decoder(&self) -> bool {
        self.fields.get("added_tokens_decoder").is_some()
    }

    /// Returns the described tokens by the ids that files give them, which decide their order.
    fn decoder(&self, in_tokenizer: &[(u32, AddedToken)]) -> Result<BTreeMap<u32, AddedToken>> {
        let mut decoder = BTreeMap::new();
        if let Some(tokens) = self.fields.object("added_tokens_decoder")? {
            for (id, token) in tokens.iter() {
                let id = id.parse().map_err(|_| tokens.wrong(id, "a token id as name"))?;
                decoder.insert(id, tokens.parse::<AddedToken>(token)?.or_special(false));
            }
            return Ok(decoder);
        }
        let special: HashSet<String, RandomState> = {
            let named =
                self.named(&[])?.into_iter().filter(|(role, _)| ROLES.contains(&role.as_str()));
            let extra = self.extra_of_config()?;
            named.map(|(_, token)| token).chain(extra).map(|token| token.content).collect()
        };
        for (content, id) in self.added.iter() {
            let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
            let id = id.ok_or_else(|| self.added.wrong(content, "a token id"))?;
            let token = AddedToken::plain(content.to_string(), special.contains(content));
            decoder.insert(id, token);
        }
        decoder.extend(in_tokenizer.iter().cloned());
        Ok(decoder)
    }

    /// Returns the tokens with a role, also with one that only this model has.
    fn named(&self, defaults: &[(&str, &str)]) -> Result<Vec<(String, AddedToken)>> {
        let mut named = Vec::new();
        let map = (!self.has_decoder()).then_some(&self.map);
        for role in ROLES {
            let default = defaults.iter().find(|(name, _)| *name == role);
            let token = match map.filter(|map| map.has(role)) {
                // As `transformers` does, whatever the field says of it.
                Some(map) => map.token(role)?.map(AddedToken::made_special),
                None if self.fields.has(role) => self.fields.token(role)?,
                None => default.map(|(_, content)| AddedToken::special(*content)),
            };
            named.extend(token.map(|token| (role.to_string(), token)));
        }
        for fields in [Some(&self.fields), map].into_iter().flatten() {
            let own = |name: &str| name.ends_with("_token") && !ROLES.contains(&name);
            for (name, value) in fields.iter().filter(|(name, _)| own(name)) {
                if value.is_string() || value["content"].is_string() {
                    named.extend(fields.token(name)?.map(|token| (name.to_string(), token)));
                }
            }
            for field in ["extra_special_tokens", "model_specific_special_tokens"] {
                if !fields.get(field).is_some_and(Value::is_object) {
                    continue;
                }
                let Some(tokens) = fields.object(field)? else { continue };
                for (name, _) in tokens.iter() {
                    named.extend(tokens.token(name)?.map(|token| (name.to_string(), token)));
                }
            }
        }
        Ok(named)
    }

    /// Returns the tokens without a role that `tokenizer_config.json` lists.
    fn extra_of_config(&self) -> Result<Vec<AddedToken>> {
        let extra = self.fields.get("extra_special_tokens");
        let is_empty = |value: &Value| match value {
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => true,
        };
        match extra.is_none_or(is_empty) && self.fields.has("additional_special_tokens") {
            true => self.fields.tokens("additional_special_tokens"),
            false => self.fields.tokens("extra_special_tokens"),
        }
    }

    /// Returns the tokens without a role that are listed.
    fn extra(&self) -> Result<Vec<AddedToken>> {
        let mut extra = self.extra_of_config()?;
        if self.has_decoder() {
            return Ok(extra);
        }
        extra.extend(self.map.tokens("extra_special_tokens")?);
        let names = ["extra_special_tokens", "additional_special_tokens"];
        let is_listed = names.iter().any(|name| self.fields.has(name));
        if !is_listed && !self.map.has("extra_special_tokens") {
            extra.extend(self.map.tokens("additional_special_tokens")?);
        }
        Ok(extra)
    }
}
