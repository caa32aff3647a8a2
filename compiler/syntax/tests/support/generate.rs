//! Random programs as lists of tokens, so that blanks and comments can be put between any two.

use super::Rng;

/// A random valid program; `"\n"` stands where a line must end.
pub(crate) struct Generator<'r> {
    pub(crate) rng: &'r mut Rng,
    pub(crate) tokens: Vec<String>,
}

const NAMES: &[&str] = &[
    "a",
    "price",
    "bidder",
    "x1",
    "_y",
    "`odd name`",
    "channel",
    "key",
    "on",
    "asOf",
    "desc",
    "is",
    "map",
    "Very_long_name_of_a_field",
];
const BINARY: &[&str] = &["or", "and", "==", "!=", "<", "<=", ">", ">=", "??", "+", "-", "*", "/", "%"];

impl Generator<'_> {
    fn put(&mut self, token: &str) {
        self.tokens.push(token.to_string());
    }

    fn all(&mut self, tokens: &[&str]) {
        for token in tokens {
            self.put(token);
        }
    }

    fn name(&mut self) {
        let name = *self.rng.pick(NAMES);
        self.put(name);
    }

    /// A name that no context takes for a word.
    fn plain(&mut self) {
        let name = *self.rng.pick(&["a", "price", "bidder", "x1", "_y", "`odd name`", "channel"]);
        self.put(name);
    }

    fn many(&mut self, most: usize, mut one: impl FnMut(&mut Self)) {
        let n = self.rng.below(most + 1);
        for i in 0..n {
            if i > 0 {
                self.put(",");
            }
            one(self);
        }
        if n > 0 && self.rng.chance(30) {
            self.put(",");
        }
    }

    pub(crate) fn program(&mut self) {
        for _ in 0..1 + self.rng.below(6) {
            if self.rng.chance(15) {
                self.put("\n");
                self.put("/// A documented thing.\n");
            }
            self.put("\n");
            self.declaration();
        }
    }

    fn declaration(&mut self) {
        if self.rng.chance(8) {
            self.all(&["@", "was", "(", "\"old\"", ")"]);
        }
        match self.rng.below(12) {
            0 => self.all(&["import", "\"types.flow\""]),
            1 => self.job(),
            2 => {
                self.all(&["param", "p", ":"]);
                self.ty(2);
                self.put("=");
                self.expr(3);
            }
            3 => {
                self.all(&["const", "c", "="]);
                self.expr(4);
            }
            4 => {
                self.all(&["type", "T", "="]);
                self.ty(3);
            }
            5 => self.function(),
            6 => {
                self.all(&["source", "s", ":"]);
                self.ty(2);
                self.put("=");
                self.connector();
                self.stages(2);
            }
            7 => {
                self.all(&["table", "t", ":"]);
                self.ty(2);
                self.all(&["key", "code", ",", "b", "="]);
                self.connector();
            }
            8 | 9 => {
                self.all(&["stream", "st", "=", "bids"]);
                self.head();
                self.stages(4);
            }
            10 => {
                self.all(&["sink", "out", "=", "bids"]);
                self.head();
                self.stages(3);
                self.put("->");
                self.connector();
            }
            _ => self.test(),
        }
    }

    fn head(&mut self) {
        if self.rng.chance(20) {
            self.all(&[".", "late"]);
        }
        if self.rng.chance(20) {
            self.all(&["as", "b"]);
        }
    }

    fn job(&mut self) {
        self.all(&["job", "j", "{"]);
        for _ in 0..self.rng.below(4) {
            self.put("\n");
            self.all(&["parallelism", ":"]);
            self.expr(1);
            if self.rng.chance(30) {
                self.put(",");
            }
        }
        self.put("}");
    }

    fn function(&mut self) {
        self.all(&["fn", "f", "("]);
        self.many(3, |g| {
            g.all(&["p", ":"]);
            g.ty(2);
        });
        self.put(")");
        if self.rng.chance(60) {
            self.put("->");
            self.ty(2);
        }
        if self.rng.chance(60) {
            self.put("=");
            return self.expr(4);
        }
        self.put("{");
        for _ in 0..self.rng.below(3) {
            self.all(&["let", "v", "="]);
            self.expr(2);
        }
        // A result that cannot be taken for a part of the expression before it.
        if self.rng.chance(50) {
            self.all(&["if", "a", "then"]);
            self.expr(2);
            self.put("else");
        } else if self.rng.chance(30) {
            self.put("not");
            self.put("(");
            self.expr(2);
            self.put(")");
            return self.put("}");
        }
        self.put("0x1f");
        self.put("}");
    }

    fn test(&mut self) {
        self.all(&["test", "\"a test\"", "{"]);
        for _ in 0..self.rng.below(4) {
            match self.rng.below(3) {
                0 => self.all(&["advance", "1min"]),
                n => {
                    self.put(if n == 1 { "given" } else { "expect" });
                    if n == 2 && self.rng.chance(30) {
                        self.put("ordered");
                    }
                    self.put("hot");
                    if self.rng.chance(30) {
                        self.all(&[".", "errors"]);
                    }
                    self.put("[");
                    self.many(2, |g| g.record(1));
                    self.put("]");
                }
            }
        }
        self.put("}");
    }

    fn ty(&mut self, depth: usize) {
        match self.rng.below(if depth == 0 { 2 } else { 5 }) {
            0 | 1 => {
                let name = *self.rng.pick(&["int", "string", "Bid", "timestamp"]);
                self.put(name);
            }
            2 => {
                self.all(&["list", "<"]);
                self.ty(depth - 1);
                self.put(">");
            }
            3 => {
                self.all(&["map", "<", "string", ","]);
                self.ty(depth - 1);
                self.put(">");
            }
            _ => {
                self.put("{");
                self.many(3, |g| {
                    g.name();
                    g.put(":");
                    g.ty(depth - 1);
                });
                self.put("}");
            }
        }
        if self.rng.chance(25) {
            self.put("?");
        }
    }

    fn connector(&mut self) {
        match self.rng.below(3) {
            0 => {
                self.put("generate");
                self.braces(2);
                if self.rng.chance(50) {
                    self.all(&["rate", ":", "1000"]);
                }
            }
            1 => self.put("stdout"),
            _ => {
                self.put("file");
                self.call(2);
            }
        }
    }

    fn stages(&mut self, most: usize) {
        for _ in 0..self.rng.below(most + 1) {
            self.put("|>");
            if self.rng.chance(10) {
                self.all(&["@", "id", "(", "\"x\"", ")"]);
            }
            match self.rng.below(6) {
                0 => {
                    self.put("map");
                    self.braces(3);
                }
                1 => {
                    self.put("aggregate");
                    self.braces(2);
                }
                2 => {
                    self.all(&["flatMap", "(", "w", "in"]);
                    self.expr(2);
                    self.put(")");
                }
                3 => {
                    self.all(&["leftJoin", "(", "other"]);
                    if self.rng.chance(30) {
                        self.put("asOf");
                    }
                    if self.rng.chance(50) {
                        self.all(&["as", "o"]);
                    }
                    self.put("on");
                    self.expr(3);
                    if self.rng.chance(50) {
                        self.all(&[",", "within", ":", "-", "5min", "..", "1h"]);
                    }
                    self.put(")");
                }
                4 => {
                    self.put("filter");
                    self.call(4);
                }
                _ => {
                    self.put("count");
                    self.call(2);
                    if self.rng.chance(40) {
                        self.all(&["as", "n"]);
                    }
                }
            }
        }
    }

    fn call(&mut self, depth: usize) {
        self.put("(");
        self.many(3, |g| {
            if g.rng.chance(30) {
                g.plain();
                g.put(":");
            }
            g.expr(depth.saturating_sub(1));
            if g.rng.chance(10) {
                g.put("desc");
            }
        });
        self.put(")");
    }

    fn braces(&mut self, depth: usize) {
        self.put("{");
        self.many(4, |g| match g.rng.below(5) {
            0 => g.all(&["..", "b"]),
            1 => g.put(".."),
            2 => {
                g.plain();
                if g.rng.chance(40) {
                    g.put(".");
                    g.plain();
                }
            }
            _ => {
                g.name();
                g.put(":");
                g.expr(depth.saturating_sub(1));
            }
        });
        self.put("}");
    }

    fn record(&mut self, depth: usize) {
        self.braces(depth);
    }

    fn literal(&mut self) {
        let text = *self.rng.pick(&[
            "1",
            "1_000",
            "0xff",
            "2.5e-3",
            "12.50d",
            "1h30min",
            "512MiB",
            "@2026-01-31T12:00:00Z",
            "null",
            "true",
            "\"text\"",
            "\"a {x + 1} {{b}} {f(\"in {y}\")}\"",
            "r\"\\d+\"",
            "b\"\\x00ff\"",
            "\"\"",
            "\"// no comment\"",
            "\"/* nor this */\"",
        ]);
        self.put(text);
    }

    pub(crate) fn expr(&mut self, depth: usize) {
        if depth == 0 || self.rng.chance(25) {
            return if self.rng.chance(50) { self.plain() } else { self.literal() };
        }
        let d = depth - 1;
        match self.rng.below(14) {
            0..=3 => {
                self.operand(d);
                for _ in 0..1 + self.rng.below(4) {
                    let op = *self.rng.pick(BINARY);
                    // Comparisons do not chain.
                    let op = if matches!(op, "==" | "!=" | "<" | "<=" | ">" | ">=") { "+" } else { op };
                    self.put(op);
                    self.operand(d);
                }
            }
            4 => {
                self.operand(d);
                let op = *self.rng.pick(&["==", "!=", "<", "<=", ">", ">="]);
                self.put(op);
                self.operand(d);
            }
            5 => {
                self.put("not");
                self.operand(d);
            }
            6 => {
                self.operand(d);
                if self.rng.chance(50) {
                    self.put("not");
                }
                self.put("in");
                self.all(&["1", "..", "10"]);
            }
            7 => {
                self.put("if");
                self.expr(d);
                self.put("then");
                self.expr(d);
                self.put("else");
                self.expr(d);
            }
            8 => {
                self.put("try");
                self.operand(d);
                self.put("else");
                self.expr(d);
            }
            9 => {
                self.all(&["match", "x", "{"]);
                self.many(3, |g| {
                    match g.rng.below(4) {
                        0 => g.put("_"),
                        1 => g.all(&["-", "8", "..", "18"]),
                        2 => g.all(&["\"a\"", "or", "null"]),
                        _ => g.put("7"),
                    }
                    g.put("=>");
                    g.expr(d);
                });
                self.put("}");
            }
            10 => {
                self.put("mapEach");
                self.all(&["(", "xs", ","]);
                if self.rng.chance(50) {
                    self.all(&["x", "=>"]);
                } else {
                    self.all(&["(", "a", ",", "x", ")", "=>"]);
                }
                self.expr(d);
                self.put(")");
            }
            11 => {
                self.put("map");
                self.put("{");
                self.many(3, |g| {
                    g.put("\"k\"");
                    g.put(":");
                    g.expr(d);
                });
                self.put("}");
            }
            12 => self.braces(d),
            _ => {
                self.put("[");
                self.many(4, |g| g.expr(d));
                self.put("]");
            }
        }
    }

    fn operand(&mut self, depth: usize) {
        if self.rng.chance(12) {
            self.put("-");
        }
        match self.rng.below(7) {
            0 if depth > 0 => {
                self.put("(");
                self.expr(depth - 1);
                self.put(")");
            }
            1 => {
                self.plain();
                self.put(".");
                self.plain();
            }
            2 if depth > 0 => {
                self.plain();
                self.put("[");
                self.expr(depth - 1);
                self.put("]");
            }
            3 if depth > 0 => {
                self.put("round");
                self.call(depth);
            }
            4 => self.literal(),
            _ => self.plain(),
        }
    }
}

/// Joins tokens with blanks, line breaks and, if asked, comments; says how many comments there are.
pub(crate) fn join(tokens: &[String], rng: &mut Rng, comments: usize) -> (String, Vec<String>) {
    let mut out = String::new();
    let mut made = Vec::new();
    for token in tokens {
        if token == "\n" || token.starts_with("///") {
            out.push_str(token);
            if rng.chance(20) {
                out.push('\n');
            }
            continue;
        }
        if rng.below(1000) < comments {
            let n = made.len();
            let comment = match rng.below(4) {
                0 => format!("/* c{n}. */"),
                1 => format!("/* c{n}.\n   over lines */"),
                _ => format!("// c{n}."),
            };
            if rng.chance(40) {
                out.push_str(if rng.chance(30) { "\n\n" } else { "\n" });
            }
            out.push_str(&comment);
            if comment.starts_with("//") || rng.chance(30) {
                out.push('\n');
            }
            made.push(comment);
        }
        out.push_str(token);
        out.push_str(match rng.below(30) {
            0 => "\n",
            1 => "\n\n\n",
            2 => "  \t",
            3 => "\r\n",
            4 => "\r",
            _ => " ",
        });
    }
    (out, made)
}
