//! Parses YAML into trees with the position of every value, with the parser of `serde_saphyr`, whose own API has no positions
//! for fields that a type does not declare.

use super::place::{Fields, Position};
use super::scalar;
use granit_parser::{Event, Options, Parser, ScalarStyle, Span, Tag};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

/// Maximum number of values in one file; values that aliases repeat count each time. A thousand Webhooks have about 50,000.
const MAX_VALUES: usize = 1_000_000;
/// Maximum bytes of text that the aliases of one file repeat.
const MAX_REPEATED: usize = 16 * 1024 * 1024;
/// Maximum nesting of lists and maps.
const MAX_DEPTH: usize = 128;
/// Maximum length of a path with a position of its own; a problem below it gets the position of the nearest parent.
const MAX_PATH: usize = 1000;
/// Maximum number of invalid documents of a file before the rest is not read.
const MAX_FAULTS: usize = 100;
/// Maximum bytes of a key: YAML's own limit for simple keys.
const MAX_KEY: usize = 1024;

/// A value and its position.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Null, boolean, number or text.
    Scalar(Value),
    List(Rc<Vec<Node>>),
    Map(Rc<Vec<MapEntry>>),
}

#[derive(Clone, Debug)]
pub(super) struct MapEntry {
    pub(super) key: String,
    pub(super) key_at: Position,
    pub(super) value: Node,
}

/// An error and its position.
pub(super) type Fault = (Position, String);

impl Node {
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value),
            Kind::Scalar(_) | Kind::List(_) => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Converts to JSON, and stores the position of every value by path.
    pub(super) fn json(&self, fields: &mut Fields) -> Value {
        self.json_at(Some(String::new()), self.at, fields)
    }

    /// Without a path no position is stored: long nested keys would take more memory than the file.
    fn json_at(&self, path: Option<String>, at: Position, fields: &mut Fields) -> Value {
        let path = path.filter(|path| path.len() <= MAX_PATH);
        let inner = |name: &str| path.as_ref().map(|path| format!("{path}{name}"));
        let value = match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => items
                .iter()
                .enumerate()
                .map(|(number, item)| item.json_at(inner(&format!("[{number}]")), item.at, fields))
                .collect(),
            Kind::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| {
                        let dot = if path.as_ref().is_some_and(String::is_empty) { "" } else { "." };
                        let path = inner(&format!("{dot}{}", entry.key));
                        if let Some(path) = &path {
                            fields.put(format!("{path}:"), entry.key_at);
                        }
                        // The position of a map is that of its key, such as `spec:`, not of the line below it.
                        let below = entry.value.at.line > entry.key_at.line;
                        let at = if below { entry.key_at } else { entry.value.at };
                        (entry.key.clone(), entry.value.json_at(path, at, fields))
                    })
                    .collect(),
            ),
        };
        if let Some(path) = path {
            fields.put(path, at);
        }
        value
    }
}

/// Returns the documents of a file that are not empty, and the errors of those that are not YAML.
pub(super) fn documents(text: &str) -> (Vec<Node>, Vec<Fault>) {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let mut parser = Parser::new_from_str_with_options(text, options);
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    let mut composer = Composer::default();
    loop {
        let fault = match parser.next_event() {
            None => return (found, faults),
            Some(Err(error)) => Some((position(error.marker()), format!("not YAML: {}", error.info()))),
            Some(Ok((event, span))) => composer.process(event, span, &mut found).err(),
        };
        let Some(fault) = fault else { continue };
        faults.push(fault);
        composer.reset();
        if composer.values > MAX_VALUES || faults.len() >= MAX_FAULTS {
            return (found, faults);
        }
        // An invalid document does not affect the next one.
        match parser.proceed_next_document() {
            Ok(true) => {}
            Ok(false) => return (found, faults),
            Err(error) => {
                faults.push((position(error.marker()), format!("not YAML: {}", error.info())));
                return (found, faults);
            }
        }
    }
}

fn position(marker: &granit_parser::Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}

/// A list or map that is still open.
struct Open {
    at: Position,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Entries, key: Option<(String, Position, bool)> },
}

#[derive(Default)]
struct Entries {
    written: Vec<MapEntry>,
    names: HashMap<String, Position>,
    merged: Vec<Node>,
}

#[derive(Default)]
struct Composer {
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, Size)>,
    values: usize,
    repeated: usize,
}

#[derive(Clone, Copy, Default)]
struct Size {
    values: usize,
    text: usize,
    depth: usize,
}

impl Composer {
    /// Discards the open document.
    fn reset(&mut self) {
        self.open.clear();
        self.anchors.clear();
    }

    fn process(&mut self, event: Event<'_>, span: Span, found: &mut Vec<Node>) -> Result<(), Fault> {
        let at = position(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let merge = plain && text == "<<" && tag.is_none();
                let value = scalar(text, plain, tag.as_deref()).map_err(|fault| (at, fault.to_owned()))?;
                self.complete(Node { at, kind: Kind::Scalar(value) }, anchor, merge, found)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(at, anchor, tag.as_deref(), Content::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                let content = Content::Map { entries: Entries::default(), key: None };
                self.begin(at, anchor, tag.as_deref(), content)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { at, anchor, content }) = self.open.pop() else { return Ok(()) };
                let kind = match content {
                    Content::List(items) => Kind::List(Rc::new(items)),
                    Content::Map { entries, .. } => Kind::Map(Rc::new(self.merge(entries, at)?)),
                };
                self.complete(Node { at, kind }, anchor, false, found)
            }
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id).cloned() else {
                    return Err((at, "an alias inside its own anchor".into()));
                };
                self.count(at, size)?;
                self.depth(at, size.depth)?;
                self.complete(node, 0, false, found)
            }
            Event::DocumentEnd => {
                self.reset();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(
        &mut self,
        at: Position,
        anchor: usize,
        tag: Option<&Tag>,
        content: Content,
    ) -> Result<(), Fault> {
        let usual = match content {
            Content::List(_) => "seq",
            Content::Map { .. } => "map",
        };
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema_tag(usual)) {
            return Err((at, format!("unknown tag {}", tag.map(Tag::original).unwrap_or_default())));
        }
        self.depth(at, 1)?;
        self.open.push(Open { at, anchor, content });
        Ok(())
    }

    /// Adds a complete value to its parent.
    fn complete(
        &mut self,
        node: Node,
        anchor: usize,
        merge: bool,
        found: &mut Vec<Node>,
    ) -> Result<(), Fault> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err((node.at, format!("more than {MAX_VALUES} values in one file: split it")));
        }
        if anchor > 0 {
            let mut size = Size::default();
            measure(&node, 1, &mut size);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => found.extend(Some(node).filter(|node| !matches!(node.kind, Kind::Scalar(Value::Null)))),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { entries, key }) => match key.take() {
                None => {
                    let at = node.at;
                    *key = Some((name(&node)?, at, merge));
                }
                Some((_, _, true)) => entries.merged.push(node),
                Some((key, key_at, false)) => {
                    if let Some(first) = entries.names.insert(key.clone(), key_at) {
                        return Err((key_at, format!("duplicate key {key}: first in line {}", first.line)));
                    }
                    entries.written.push(MapEntry { key, key_at, value: node });
                }
            },
        }
        Ok(())
    }

    /// Adds the entries of `<<` that a map does not have itself.
    fn merge(&mut self, entries: Entries, at: Position) -> Result<Vec<MapEntry>, Fault> {
        let Entries { mut written, mut names, merged } = entries;
        for node in merged {
            let sources = match &node.kind {
                Kind::List(items) => items.to_vec(),
                Kind::Map(_) | Kind::Scalar(_) => vec![node.clone()],
            };
            for source in sources {
                let Kind::Map(more) = &source.kind else {
                    return Err((node.at, "only a map or a list of maps can be merged with <<".into()));
                };
                self.count(at, Size { values: more.len(), ..Size::default() })?;
                for entry in more.iter() {
                    if names.insert(entry.key.clone(), entry.key_at).is_none() {
                        written.push(entry.clone());
                    }
                }
            }
        }
        Ok(written)
    }

    fn depth(&self, at: Position, more: usize) -> Result<(), Fault> {
        if self.open.len() + more > MAX_DEPTH {
            return Err((at, format!("lists and maps are nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(())
    }

    /// Counts what an alias repeats as if it were written out.
    fn count(&mut self, at: Position, size: Size) -> Result<(), Fault> {
        self.values = self.values.saturating_add(size.values);
        self.repeated = self.repeated.saturating_add(size.text);
        if self.values > MAX_VALUES || self.repeated > MAX_REPEATED {
            self.values = usize::MAX / 2;
            return Err((
                at,
                "the aliases of this file expand to more than hooktender reads: use fewer aliases".into(),
            ));
        }
        Ok(())
    }
}

fn measure(node: &Node, depth: usize, size: &mut Size) {
    size.values += 1;
    size.depth = size.depth.max(depth);
    match &node.kind {
        Kind::Scalar(Value::String(text)) => size.text += text.len(),
        Kind::Scalar(_) => {}
        Kind::List(items) => items.iter().for_each(|item| measure(item, depth + 1, size)),
        Kind::Map(entries) => entries.iter().for_each(|entry| {
            size.text += entry.key.len();
            measure(&entry.value, depth + 1, size);
        }),
    }
}

fn scalar(text: Cow<'_, str>, plain: bool, tag: Option<&Tag>) -> Result<Value, &'static str> {
    let Some(tag) = tag else {
        return if plain { scalar::plain(&text) } else { Ok(Value::String(text.into_owned())) };
    };
    if tag.is_yaml_core_schema_tag("str") {
        return Ok(Value::String(text.into_owned()));
    }
    let value = scalar::plain(&text)?;
    let fits = match value {
        Value::Null => tag.is_yaml_core_schema_tag("null"),
        Value::Bool(_) => tag.is_yaml_core_schema_tag("bool"),
        Value::Number(_) => tag.is_yaml_core_schema_tag("int") || tag.is_yaml_core_schema_tag("float"),
        Value::String(_) | Value::Array(_) | Value::Object(_) => false,
    };
    if fits { Ok(value) } else { Err("an unknown tag, or one that does not fit the value") }
}

/// Returns a key as kubectl converts it to JSON: `on: 1` has the key `true`.
fn name(node: &Node) -> Result<String, Fault> {
    match &node.kind {
        Kind::Scalar(Value::String(text)) if text.len() > MAX_KEY => {
            Err((node.at, format!("a key of more than {MAX_KEY} bytes")))
        }
        Kind::Scalar(Value::String(text)) => Ok(text.clone()),
        Kind::Scalar(Value::Null) => Err((node.at, "a key must not be empty".into())),
        Kind::Scalar(value) => Ok(value.to_string()),
        Kind::List(_) | Kind::Map(_) => Err((node.at, "a key must be a string, not a list or a map".into())),
    }
}
