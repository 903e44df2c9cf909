//! Reads from one source file what the import graph needs: modules, names of items, `use` declarations and paths in code.
//! Everything below `#[cfg(test)]` is left out.

use crate::tokens::{Token, tokens};
use std::collections::BTreeSet;

/// A module: that of a file, or one that is written inside a file.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// From the file's module on; empty for the file's own.
    pub(crate) path: Vec<String>,
    /// Modules that it declares, without those of tests.
    pub(crate) children: BTreeSet<String>,
    /// Modules that it declares for tests only.
    pub(crate) test_children: BTreeSet<String>,
    /// Functions, types, constants and macros.
    pub(crate) items: BTreeSet<String>,
    pub(crate) imports: Vec<Import>,
    /// Paths in code, with their lines.
    pub(crate) paths: Vec<(Vec<String>, usize)>,
}

/// One name that a `use` declaration brings into scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// `*` for all names of a module.
    pub(crate) name: String,
    pub(crate) line: usize,
}

/// Returns the modules of a file, its own first.
pub(crate) fn modules(source: &str) -> Vec<Module> {
    let tokens = tokens(source);
    let mut parser =
        Parser { tokens: &tokens, at: 0, depth: 0, open: vec![(0, 0)], found: vec![Module::default()] };
    while parser.at < tokens.len() {
        parser.next();
    }
    parser.found
}

/// Returns the words `async` and `await` of a file with their lines, without those of tests.
pub(crate) fn asynchronous(source: &str) -> Vec<usize> {
    let tokens = tokens(source);
    let mut parser =
        Parser { tokens: &tokens, at: 0, depth: 0, open: vec![(0, 0)], found: vec![Module::default()] };
    let mut lines = Vec::new();
    while parser.at < tokens.len() {
        if ["async", "await"].contains(&parser.text(0)) {
            lines.push(parser.line());
        }
        parser.next();
    }
    lines
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    /// How many braces are open.
    depth: usize,
    /// Modules that are open: the index of each and the depth of its items.
    open: Vec<(usize, usize)>,
    found: Vec<Module>,
}

impl Parser<'_> {
    fn text(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", |token| token.text.as_str())
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |token| token.line)
    }

    fn module(&mut self) -> &mut Module {
        let index = self.open.last().map_or(0, |open| open.0);
        &mut self.found[index]
    }

    fn is_at_item(&self) -> bool {
        self.open.last().is_some_and(|open| open.1 == self.depth)
    }

    fn next(&mut self) {
        match self.text(0) {
            "#" if self.is_test_attribute() => return self.skip_tested(),
            "{" => self.depth += 1,
            "}" => {
                self.depth = self.depth.saturating_sub(1);
                while self.open.len() > 1 && self.open.last().is_some_and(|open| open.1 > self.depth) {
                    self.open.pop();
                }
            }
            // `use` is no word of anything else but of the bounds of `impl Trait + use<>`.
            "use" if self.text(1) != "<" => return self.import(),
            "mod" if self.is_at_item() && self.text(2) == ";" => {
                let name = self.text(1).to_owned();
                self.module().children.insert(name);
            }
            "mod" if self.is_at_item() && self.text(2) == "{" => return self.enter(),
            "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union"
                if self.is_at_item() =>
            {
                let name = self.text(1).to_owned();
                self.module().items.insert(name);
            }
            "macro_rules" if self.is_at_item() => {
                let name = self.text(2).to_owned();
                self.module().items.insert(name);
            }
            _ if self.text(1) == "::" && is_word(self.text(0)) => return self.path(),
            _ => {}
        }
        self.at += 1;
    }

    /// Enters a module that is written inside the file.
    fn enter(&mut self) {
        let name = self.text(1).to_owned();
        self.module().children.insert(name.clone());
        let mut path = self.module().path.clone();
        path.push(name);
        self.depth += 1;
        self.open.push((self.found.len(), self.depth));
        self.found.push(Module { path, ..Module::default() });
        self.at += 3;
    }

    /// Reads a path in code, such as `crate::a::b`.
    fn path(&mut self) {
        let line = self.line();
        let is_whole = self.at == 0 || self.tokens[self.at - 1].text != "::";
        let mut path = vec![self.text(0).to_owned()];
        while self.text(1) == "::" && is_word(self.text(2)) {
            path.push(self.text(2).to_owned());
            self.at += 2;
        }
        self.at += 1;
        if is_whole && path.len() > 1 {
            self.module().paths.push((path, line));
        }
    }

    /// Reads a `use` declaration up to its semicolon.
    fn import(&mut self) {
        self.at += 1;
        let mut imports = Vec::new();
        self.tree(&[], &mut imports);
        self.module().imports.append(&mut imports);
    }

    /// Reads one path of a `use` declaration, with the group in braces that it may end with.
    fn tree(&mut self, before: &[String], imports: &mut Vec<Import>) {
        let mut path = before.to_vec();
        let line = self.line();
        while ["::", "$"].contains(&self.text(0)) {
            self.at += 1;
        }
        loop {
            match self.text(0) {
                "*" => {
                    imports.push(Import { path, name: "*".to_owned(), line });
                    self.at += 1;
                    return;
                }
                "{" => return self.group(&path, imports),
                // `a::{self}` is the path of `a`.
                "self" if !path.is_empty() => {}
                word => path.push(word.to_owned()),
            }
            self.at += 1;
            match self.text(0) {
                "::" => self.at += 1,
                "as" => {
                    imports.push(Import { path, name: self.text(1).to_owned(), line });
                    self.at += 2;
                    return;
                }
                _ => {
                    let name = path.last().cloned().unwrap_or_default();
                    return imports.push(Import { path, name, line });
                }
            }
        }
    }

    /// Reads the paths in braces that all begin with `path`.
    fn group(&mut self, path: &[String], imports: &mut Vec<Import>) {
        self.at += 1;
        while !["}", ""].contains(&self.text(0)) {
            self.tree(path, imports);
            if self.text(0) == "," {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    /// Whether a `#[cfg(…)]` begins here that holds in tests only.
    fn is_test_attribute(&self) -> bool {
        let is_cfg = self.text(1) == "[" && self.text(2) == "cfg";
        is_cfg
            && (3..)
                .map_while(|ahead| Some(ahead).filter(|ahead| !["]", ""].contains(&self.text(*ahead))))
                .any(|ahead| self.text(ahead) == "test" && self.text(ahead - 2) != "not")
    }

    /// Skips the attributes here and what they belong to. The name of a module is kept.
    fn skip_tested(&mut self) {
        while self.text(0) == "#" {
            self.skip_past(&["]"]);
        }
        if self.text(0) == "pub" {
            self.at += 1;
            if self.text(0) == "(" {
                self.skip_past(&[")"]);
            }
        }
        match self.text(0) {
            "mod" => {
                let name = self.text(1).to_owned();
                self.module().test_children.insert(name);
                self.skip_past(&[";", "}"]);
            }
            "use" | "type" | "static" | "let" => self.skip_past(&[";"]),
            "const" | "async" | "unsafe" | "fn" | "struct" | "enum" | "trait" | "impl" | "macro_rules" => {
                self.skip_past(&[";", "}"]);
            }
            // A field, a variant, an arm or a statement.
            _ => self.skip_past(&[",", ";", "}"]),
        }
    }

    /// Skips past the first of `ends` outside brackets that open on the way, but not out of a bracket that is open already.
    fn skip_past(&mut self, ends: &[&str]) {
        let mut depth = 0;
        while self.at < self.tokens.len() {
            match self.text(0) {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" if depth == 0 => return,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            let is_end = depth == 0 && ends.contains(&self.text(0));
            self.at += 1;
            if is_end {
                return;
            }
        }
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first == '_' || first.is_alphabetic())
}
