//! Semantic tokens: the words of a script in the protocol's numbers; whole, of a range, and as a change to what the client
//! has already.

use crate::documents::Documents;
use flow_driver::editor::{self, Word, WordKind};
use lsp_types as lsp;

/// In the order of [`number`].
const TYPES: [lsp::SemanticTokenType; 14] = [
    lsp::SemanticTokenType::COMMENT,
    lsp::SemanticTokenType::KEYWORD,
    lsp::SemanticTokenType::NUMBER,
    lsp::SemanticTokenType::STRING,
    lsp::SemanticTokenType::OPERATOR,
    lsp::SemanticTokenType::TYPE,
    lsp::SemanticTokenType::FUNCTION,
    lsp::SemanticTokenType::METHOD,
    lsp::SemanticTokenType::PARAMETER,
    lsp::SemanticTokenType::PROPERTY,
    lsp::SemanticTokenType::VARIABLE,
    lsp::SemanticTokenType::NAMESPACE,
    lsp::SemanticTokenType::ENUM_MEMBER,
    lsp::SemanticTokenType::DECORATOR,
];

const DECLARATION: u32 = 1;
const READONLY: u32 = 2;
const BUILT_IN: u32 = 4;

pub(crate) fn options() -> lsp::SemanticTokensOptions {
    lsp::SemanticTokensOptions {
        legend: lsp::SemanticTokensLegend {
            token_types: TYPES.to_vec(),
            token_modifiers: vec![
                lsp::SemanticTokenModifier::DECLARATION,
                lsp::SemanticTokenModifier::READONLY,
                lsp::SemanticTokenModifier::DEFAULT_LIBRARY,
            ],
        },
        range: Some(true),
        full: Some(lsp::SemanticTokensFullOptions::Delta { delta: Some(true) }),
        ..lsp::SemanticTokensOptions::default()
    }
}

/// The place of a kind among [`TYPES`].
fn number(kind: WordKind) -> u32 {
    match kind {
        WordKind::Comment => 0,
        WordKind::Keyword => 1,
        WordKind::Number => 2,
        WordKind::String => 3,
        WordKind::Operator => 4,
        WordKind::Type => 5,
        WordKind::Function => 6,
        WordKind::Stage => 7,
        WordKind::Argument | WordKind::Parameter => 8,
        WordKind::Field => 9,
        WordKind::Constant | WordKind::Declaration => 10,
        WordKind::Connector => 11,
        WordKind::Choice => 12,
        WordKind::Annotation => 13,
    }
}

fn modifiers(word: &Word) -> u32 {
    let mut bits = 0;
    if word.declares {
        bits |= DECLARATION;
    }
    if word.kind == WordKind::Constant {
        bits |= READONLY;
    }
    if word.built_in {
        bits |= BUILT_IN;
    }
    bits
}

impl Documents {
    /// All words of a text.
    pub(crate) fn colours(&mut self, uri: &lsp::Uri) -> Option<lsp::SemanticTokens> {
        let length = self.get(uri)?.text.len();
        let data = self.tokens(uri, 0..length)?;
        let result_id = self.remember(uri, data.clone())?;
        Some(lsp::SemanticTokens { result_id: Some(result_id), data })
    }

    /// The words of a range.
    pub(crate) fn colours_of(
        &mut self,
        params: &lsp::SemanticTokensRangeParams,
    ) -> Option<lsp::SemanticTokens> {
        let uri = &params.text_document.uri;
        let range = self.bytes(uri, params.range)?;
        Some(lsp::SemanticTokens { result_id: None, data: self.tokens(uri, range)? })
    }

    /// What changed since an earlier answer; all words if that one is not known any more.
    pub(crate) fn colours_since(
        &mut self,
        params: &lsp::SemanticTokensDeltaParams,
    ) -> Option<lsp::SemanticTokensFullDeltaResult> {
        let uri = &params.text_document.uri;
        let Some(before) = self.remembered(uri, &params.previous_result_id) else {
            return Some(self.colours(uri)?.into());
        };
        let now = self.colours(uri)?;
        let same = before.iter().zip(&now.data).take_while(|(a, b)| a == b).count();
        let most = before.len().min(now.data.len()) - same;
        let ends =
            before.iter().rev().zip(now.data.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
        let new = now.data[same..now.data.len() - ends].to_vec();
        let removed = before.len() - ends - same;
        let edit = lsp::SemanticTokensEdit {
            start: same as u32 * 5,
            delete_count: removed as u32 * 5,
            data: Some(new.clone()),
        };
        let edits = if removed == 0 && new.is_empty() { Vec::new() } else { vec![edit] };
        Some(lsp::SemanticTokensDelta { result_id: now.result_id, edits }.into())
    }

    fn tokens(&mut self, uri: &lsp::Uri, range: std::ops::Range<usize>) -> Option<Vec<lsp::SemanticToken>> {
        let compiled = self.compiled(uri)?;
        let document = self.get(uri)?;
        let mut places = document.lines.in_order(&document.text, self.encoding);
        let mut last = lsp::Position::new(0, 0);
        let each = |word: Word| {
            let start = places.position(word.span.start as usize);
            let end = places.position(word.span.end as usize);
            let delta_line = start.line - last.line;
            let delta_start =
                if delta_line == 0 { start.character - last.character } else { start.character };
            last = start;
            lsp::SemanticToken {
                delta_line,
                delta_start,
                length: end.character - start.character,
                token_type: number(word.kind),
                token_modifiers_bitset: modifiers(&word),
            }
        };
        let words =
            editor::words(&compiled, range).into_iter().filter(|word| word.span.start < word.span.end);
        Some(words.map(each).collect())
    }
}
