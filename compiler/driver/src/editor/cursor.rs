//! Where a cursor stands, told by the tokens in front of it: works on half-typed text, which no tree describes.

use flow_plan::catalogue;
use flow_syntax::{DECLARATION_WORDS, FileId, Span, Token, TokenKind, lines};

/// The tokens in front of a cursor, without the word that is being typed.
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    offset: usize,
    pub(super) tokens: Vec<Token>,
    /// Brackets that are open, the innermost first.
    pub(super) open: Vec<Open>,
}

/// An open bracket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    /// Index of its token.
    pub(super) at: usize,
    /// Commas behind it that belong to it.
    pub(super) commas: usize,
    /// Index of the first token of the argument or item the cursor is in.
    pub(super) item: usize,
}

impl<'t> Cursor<'t> {
    /// The cursor at an offset, which is a character's border. The whole text is read: what a string is shows only its end.
    pub(super) fn new(text: &'t str, offset: usize) -> Cursor<'t> {
        let mut tokens = flow_syntax::tokens(text);
        // What a string lacks stands at its end as tokens without text.
        tokens.retain(|token| (token.span.start as usize) < offset && token.span.start < token.span.end);
        half_interpolation(text, offset, &mut tokens);
        let typing = |token: &Token| {
            token.span.end as usize >= offset
                && matches!(token.kind, TokenKind::Ident | TokenKind::Keyword | TokenKind::QuotedIdent)
        };
        if tokens.last().is_some_and(typing) {
            tokens.pop();
        }
        let mut cursor = Cursor { text, offset, tokens, open: Vec::new() };
        cursor.open = cursor.brackets();
        cursor
    }

    pub(super) fn word(&self, index: usize) -> &'t str {
        &self.text[self.tokens[index].span.range()]
    }

    /// The text of the token so many before the cursor.
    pub(super) fn back(&self, n: usize) -> &'t str {
        self.tokens.len().checked_sub(n + 1).map_or("", |at| self.word(at))
    }

    /// The bracket that the one at this token closes, if it is round and nothing is called by it.
    pub(super) fn opening(&self, close: usize) -> Option<usize> {
        let mut depth = 0usize;
        let ends = self.tokens[close].kind == TokenKind::Close;
        for at in (0..=close).rev().take_while(|_| ends) {
            match self.tokens[at].kind {
                TokenKind::Close => depth += 1,
                TokenKind::Open if depth <= 1 => return (depth == 1 && self.word(at) == "(").then_some(at),
                TokenKind::Open => depth -= 1,
                _ => {}
            }
        }
        None
    }

    /// Is the cursor in a comment or in the text of a string?
    pub(super) fn in_text(&self) -> bool {
        let comment = self.tokens.last().is_some_and(|token| match token.kind {
            TokenKind::LineComment | TokenKind::DocComment => token.span.end as usize >= self.offset,
            TokenKind::BlockComment | TokenKind::RawString | TokenKind::Bytes => {
                token.span.end as usize > self.offset || self.unfinished(token)
            }
            _ => false,
        });
        comment || self.strings().last() == Some(&TokenKind::StringOpen)
    }

    /// What is written so far of the path of a script.
    pub(super) fn script_path(&self) -> Option<Span> {
        let open = self.tokens.iter().rposition(|token| token.kind == TokenKind::StringOpen)?;
        let before = open.checked_sub(1).map(|at| self.word(at));
        let inside = self.strings().last() == Some(&TokenKind::StringOpen);
        (inside && matches!(before, Some("import" | "into")))
            .then(|| Span::new(FileId(0), self.tokens[open].span.end as usize, self.offset))
    }

    /// Is the cursor in an expression between the braces of a string?
    pub(super) fn in_interpolation(&self) -> bool {
        self.strings().last() == Some(&TokenKind::InterpOpen)
    }

    /// The strings and their expressions that are open at the cursor.
    fn strings(&self) -> Vec<TokenKind> {
        open_strings(&self.tokens).into_iter().map(|at| self.tokens[at].kind).collect()
    }

    /// What closes all that is open at the cursor: brackets, strings and the expressions in them.
    pub(super) fn closing(&self) -> String {
        let mut open = Vec::new();
        let from = self.declaration().map_or(0, |(_, at)| at);
        for (at, token) in self.tokens.iter().enumerate().skip(from) {
            match token.kind {
                TokenKind::Open => open.push(match self.word(at) {
                    "(" => ')',
                    "[" => ']',
                    _ => '}',
                }),
                TokenKind::StringOpen => open.push('"'),
                TokenKind::InterpOpen => open.push('}'),
                TokenKind::Close | TokenKind::StringClose | TokenKind::InterpClose => drop(open.pop()),
                _ => {}
            }
        }
        open.into_iter().rev().collect()
    }

    /// A comment or raw text without its end: the cursor is inside.
    fn unfinished(&self, token: &Token) -> bool {
        let text = &self.text[token.span.range()];
        match token.kind {
            TokenKind::BlockComment => !text.ends_with("*/") || text.len() < 4,
            TokenKind::RawString | TokenKind::Bytes => text.len() < 3 || !text.ends_with('"'),
            _ => false,
        }
    }

    fn brackets(&self) -> Vec<Open> {
        let mut found = Vec::new();
        let (mut depth, mut commas, mut item) = (0usize, 0, None);
        for (at, token) in self.tokens.iter().enumerate().rev() {
            match token.kind {
                TokenKind::Close => depth += 1,
                TokenKind::Open if depth == 0 => {
                    found.push(Open { at, commas, item: item.unwrap_or(at + 1) });
                    (commas, item) = (0, None);
                }
                TokenKind::Open => depth -= 1,
                TokenKind::Punctuation if depth == 0 && self.word(at) == "," => {
                    commas += 1;
                    item = item.or(Some(at + 1));
                }
                // A declaration begins at bracket depth 0: an unclosed bracket before it is a mistake of its own.
                TokenKind::Keyword if depth == 0 && self.begins_declaration(at) => break,
                _ => {}
            }
        }
        found
    }

    /// Does a declaration begin at this token? A field may be called like one of the words.
    fn begins_declaration(&self, at: usize) -> bool {
        // The word is asked first: a line may be very long.
        if self.tokens[at].kind != TokenKind::Keyword || !DECLARATION_WORDS.contains(&self.word(at)) {
            return false;
        }
        let start = self.tokens[at].span.start as usize;
        let alone = self.text[lines::start(self.text, start)..start].trim().is_empty();
        alone && self.tokens.get(at + 1).is_none_or(|next| &self.text[next.span.range()] != ":")
    }

    /// The word of the declaration the cursor is in, and its index.
    pub(super) fn declaration(&self) -> Option<(&'t str, usize)> {
        let at = (0..self.tokens.len()).rev().find(|at| self.begins_declaration(*at))?;
        Some((self.word(at), at))
    }

    /// The word in front of an open round bracket: what is called.
    pub(super) fn callee(&self, open: &Open) -> Option<&'t str> {
        let before = open.at.checked_sub(1)?;
        let name = matches!(self.tokens[before].kind, TokenKind::Ident | TokenKind::QuotedIdent);
        (name && self.word(open.at) == "(").then(|| self.word(before))
    }

    /// Is the call of an open bracket a stage? (`|> filter(`, also behind `@id("x")`.)
    pub(super) fn is_stage(&self, open: &Open) -> bool {
        let before = open.at.checked_sub(2).map(|at| self.word(at));
        match before {
            Some("|>") => true,
            Some(")") => {
                self.tokens[..open.at - 2].iter().rev().take(6).any(|t| &self.text[t.span.range()] == "@")
            }
            _ => false,
        }
    }

    /// Does an open call stand where an aggregate may: in `aggregate { … }`, and not within another aggregate?
    pub(super) fn may_aggregate(&self, at: usize) -> bool {
        for open in &self.open[at + 1..] {
            let before = open.at.checked_sub(1).map(|before| self.word(before));
            match self.callee(open) {
                // `max(max(price), 3)`: the outer one is a function.
                Some(word) if catalogue::lookup(word).is_some() => {}
                Some(word) if catalogue::lookup_aggregate(word).is_some() => return false,
                None if self.word(open.at) == "{" && before == Some("aggregate") => return true,
                _ => {}
            }
        }
        false
    }

    /// Where the stage or connector of the cursor is joined to what stands before it: the last `|>` or `->` outside of
    /// brackets.
    pub(super) fn joint(&self) -> Option<usize> {
        let before = self.open.last().map_or(self.tokens.len(), |open| open.at);
        let mut joints = self.tokens[..before].iter().rev();
        let last = joints.find(|token| matches!(&self.text[token.span.range()], "|>" | "->" | "|"))?;
        Some(last.span.start as usize)
    }

    /// The other side of the join the cursor is in: what is read, and what it is called there.
    pub(super) fn joined(&self) -> Option<(&'t str, &'t str)> {
        let open = self.open.iter().find(|open| {
            self.is_stage(open) && self.callee(open).is_some_and(|word| word.ends_with("oin"))
        })?;
        let inside = open.at + 1..self.tokens.len();
        let on = inside.clone().find(|at| self.word(*at) == "on")?;
        let alias = (open.at + 1..on).find(|at| self.word(*at) == "as").map(|at| at + 1);
        Some((self.word(open.at + 1), self.word(alias.unwrap_or(open.at + 1))))
    }

    /// Names that hold only here: parameters of functions and lambdas, `let`s, the state of a `scan`.
    pub(super) fn locals(&self) -> Vec<&'t str> {
        let mut found = Vec::new();
        let Some((word, from)) = self.declaration() else { return found };
        for at in from..self.tokens.len() {
            match self.word(at) {
                "let" => found.extend((at + 1 < self.tokens.len()).then(|| self.word(at + 1))),
                "=>" if self.is_lambda(at) => self.parameters(at, &mut found),
                ":" if word == "fn" && self.tokens[at - 1].kind == TokenKind::Ident => {
                    found.push(self.word(at - 1))
                }
                _ => {}
            }
        }
        if self.open.iter().any(|open| self.callee(open) == Some("scan")) {
            found.push("state");
        }
        found
    }

    /// Is it the arrow of a lambda that the cursor is in? Those of a `match` stand in braces.
    fn is_lambda(&self, arrow: usize) -> bool {
        let mut depth = 0usize;
        for at in (0..arrow).rev() {
            match self.tokens[at].kind {
                TokenKind::Close => depth += 1,
                TokenKind::Open if depth == 0 => {
                    return self.word(at) == "(" && self.open.iter().any(|open| open.at == at);
                }
                TokenKind::Open => depth -= 1,
                _ => {}
            }
        }
        false
    }

    /// Does the option of this name hold the cursor, in braces without commas between the options?
    pub(super) fn argument_of(&self, outer: &Open, name: &str) -> bool {
        let inner = self.open.iter().rev().find(|open| open.at > outer.at);
        inner.is_some_and(|open| {
            open.at >= 2 && self.word(open.at - 1) == ":" && self.word(open.at - 2) == name
        })
    }

    /// The parameters in front of the arrow of a lambda.
    fn parameters(&self, arrow: usize, out: &mut Vec<&'t str>) {
        let mut at = arrow.saturating_sub(1);
        if self.tokens[at].kind == TokenKind::Ident {
            return out.push(self.word(at));
        }
        while at > 0 && self.word(at) != "(" {
            if self.tokens[at].kind == TokenKind::Ident {
                out.push(self.word(at));
            }
            at -= 1;
        }
    }

    /// The name of the argument the cursor is in, if it has one.
    pub(super) fn argument(&self, open: &Open) -> Option<&'t str> {
        let name = self.tokens.get(open.item)?;
        let colon = self.tokens.get(open.item + 1)?;
        let named = matches!(name.kind, TokenKind::Ident | TokenKind::Keyword)
            && &self.text[colon.span.range()] == ":";
        named.then(|| self.word(open.item))
    }

    /// Has the first argument in an open bracket no name?
    pub(super) fn begins_nameless(&self, open: &Open) -> bool {
        open.at + 1 < self.tokens.len() && (open.at + 2 >= self.tokens.len() || self.word(open.at + 2) != ":")
    }

    /// The names that stand alone between the commas of an open bracket, in front of the cursor.
    pub(super) fn listed(&self, open: &Open) -> Vec<&'t str> {
        let inside = open.at + 1..self.tokens.len();
        let alone = |at: &usize| {
            let name = matches!(self.tokens[*at].kind, TokenKind::Ident | TokenKind::QuotedIdent);
            name && matches!(self.word(at - 1), "(" | "[" | ",")
        };
        inside.filter(alone).map(|at| self.word(at)).collect()
    }

    /// The names that are given inside of an open bracket already.
    pub(super) fn given(&self, open: &Open) -> Vec<&'t str> {
        let mut found = Vec::new();
        let mut depth = 0usize;
        for at in open.at + 1..self.tokens.len() {
            match self.tokens[at].kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth = depth.saturating_sub(1),
                TokenKind::Punctuation if depth == 0 && self.word(at) == ":" => found.push(self.word(at - 1)),
                _ => {}
            }
        }
        found
    }
}

/// The tokens that begin the strings, and the expressions in them, that are open at the end.
fn open_strings(tokens: &[Token]) -> Vec<usize> {
    let mut open = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::StringOpen | TokenKind::InterpOpen => open.push(at),
            TokenKind::StringClose | TokenKind::InterpClose => drop(open.pop()),
            _ => {}
        }
    }
    open
}

/// In `"{n`, whose end is not typed yet, all is text: behind the brace an expression is meant.
fn half_interpolation(text: &str, offset: usize, tokens: &mut Vec<Token>) {
    let Some(open) = open_strings(tokens).pop().filter(|at| tokens[*at].kind == TokenKind::StringOpen) else {
        return;
    };
    let inner = tokens[open].span.end as usize;
    let (bytes, mut at, mut brace) = (text.as_bytes(), inner, None);
    while at < offset {
        let pair = bytes.get(at + 1) == Some(&bytes[at]);
        match bytes[at] {
            b'\\' => at += 1,
            b'{' | b'}' if pair && brace.is_none() => at += 1,
            b'{' => brace = brace.or(Some(at)),
            b'}' => brace = None,
            _ => {}
        }
        at += 1;
    }
    let Some(brace) = brace else { return };
    tokens.truncate(open + 1);
    let file = FileId(0);
    tokens.push(Token { kind: TokenKind::InterpOpen, span: Span::new(file, brace, brace + 1) });
    let from = brace + 1;
    let behind = flow_syntax::tokens(&text[from..offset]).into_iter();
    let behind = behind.filter(|token| token.span.start < token.span.end);
    tokens.extend(behind.map(|token| {
        let range = token.span.range();
        Token { kind: token.kind, span: Span::new(file, from + range.start, from + range.end) }
    }));
}
