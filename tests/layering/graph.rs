//! Which file imports which, and the circles among them.

use crate::source::{Module, modules};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The path of a module, from the crate's root on.
type Path = Vec<String>;

/// One file imports another: the line of the first such import.
pub(crate) type Imports = BTreeMap<String, BTreeMap<String, usize>>;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Module(Path),
    /// An item of this module.
    Item(Path),
}

/// The modules of a crate.
pub(crate) struct Crate {
    modules: BTreeMap<Path, (String, Module)>,
}

impl Crate {
    /// Reads the files of a crate: their names below `src` with their texts.
    pub(crate) fn with_tests<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut found = BTreeMap::new();
        for (file, text) in files.filter(|(file, _)| *file != "main.rs") {
            for module in modules(text) {
                let path = [path_of(file), module.path.clone()].concat();
                found.insert(path, (file.to_owned(), module));
            }
        }
        Self { modules: found }
    }

    /// The same, without tests.
    pub(crate) fn new<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let Self { modules: mut found } = Self::with_tests(files);
        let is_test = |path: &Path| {
            (1..=path.len()).any(|length| {
                let parent = found.get(&path[..length - 1]);
                parent.is_some_and(|(_, parent)| parent.test_children.contains(&path[length - 1]))
            })
        };
        let tests: BTreeSet<Path> = found.keys().filter(|path| is_test(path)).cloned().collect();
        found.retain(|path, _| !tests.contains(path));
        Self { modules: found }
    }

    /// Returns the files.
    pub(crate) fn files(&self) -> BTreeSet<&str> {
        self.modules.values().map(|(file, _)| file.as_str()).collect()
    }

    /// Returns the imports between files.
    pub(crate) fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (path, (file, module)) in &self.modules {
            let declared = module.imports.iter().map(|import| (&import.path, import.line));
            let inline = module.paths.iter().map(|(path, line)| (path, *line));
            for (named, line) in declared.chain(inline) {
                let Some(Target::Module(target) | Target::Item(target)) = self.resolve(path, named, 0) else {
                    continue;
                };
                let target = self.modules.get(&target).map(|(target, _)| target);
                if let Some(target) = target.filter(|target| *target != file) {
                    let first =
                        imports.entry(file.clone()).or_default().entry(target.clone()).or_insert(line);
                    *first = line.min(*first);
                }
            }
        }
        imports
    }

    /// Returns what `named` means in the module `from`; nothing for another crate.
    fn resolve(&self, from: &[String], named: &[String], depth: usize) -> Option<Target> {
        let (first, rest) = named.split_first()?;
        let parent = from.len().checked_sub(1);
        match first.as_str() {
            "crate" => self.walk(Vec::new(), rest, depth),
            "self" => self.walk(from.to_vec(), rest, depth),
            "super" if rest.first().is_some_and(|next| next == "super") => {
                self.resolve(&from[..parent?], rest, depth)
            }
            "super" => self.walk(from[..parent?].to_vec(), rest, depth),
            _ => {
                let (_, module) = self.modules.get(from)?;
                let is_import =
                    module.imports.iter().any(|import| import.name == *first && import.path != named);
                let is_known = is_import || module.children.contains(first);
                is_known.then(|| self.walk(from.to_vec(), named, depth)).flatten()
            }
        }
    }

    /// Follows the names of a path through child modules and re-exports.
    fn walk(&self, mut at: Path, names: &[String], depth: usize) -> Option<Target> {
        // More re-exports of re-exports than any code has: they import one another.
        if depth > 16 {
            return None;
        }
        for (index, name) in names.iter().enumerate() {
            let (_, module) = self.modules.get(&at)?;
            if module.children.contains(name) {
                at.push(name.clone());
                continue;
            }
            if module.test_children.contains(name) {
                return None;
            }
            if module.items.contains(name) {
                return Some(Target::Item(at));
            }
            if let Some(import) = module.imports.iter().find(|import| import.name == *name) {
                let target = self.resolve(&at, &import.path, depth + 1)?;
                let rest = &names[index + 1..];
                return match target {
                    Target::Module(module) => self.walk(module, rest, depth + 1),
                    item @ Target::Item(_) => Some(item),
                };
            }
            let all = module.imports.iter().filter(|import| import.name == "*");
            let found = all.filter_map(|import| match self.resolve(&at, &import.path, depth + 1)? {
                Target::Module(module) if self.declares(&module, name) => {
                    self.walk(module, &names[index..], depth + 1)
                }
                _ => None,
            });
            // What a macro makes is in no list of items.
            return found.into_iter().next().or(Some(Target::Item(at)));
        }
        Some(Target::Module(at))
    }

    fn declares(&self, path: &[String], name: &String) -> bool {
        self.modules.get(path).is_some_and(|(_, module)| {
            module.children.contains(name)
                || module.items.contains(name)
                || module.imports.iter().any(|import| import.name == *name)
        })
    }
}

/// Returns the path of a file's module.
pub(crate) fn path_of(file: &str) -> Path {
    let name = file.strip_suffix(".rs").unwrap_or(file);
    let name = name.strip_suffix("/mod").unwrap_or(name);
    name.split('/').filter(|name| *name != "lib").map(str::to_owned).collect()
}

/// Whether one of two files is the parent module of the other.
pub(crate) fn are_parent_and_child(one: &str, other: &str) -> bool {
    let (one, other) = (path_of(one), path_of(other));
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    long.len() == short.len() + 1 && long.starts_with(&short)
}

/// Returns circles of imports, the shortest first, each as its files in order. No two of them share an import, and without their
/// imports there is none left.
pub(crate) fn circles(mut imports: Imports) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    loop {
        keep_tangled(&mut imports);
        let circles = imports.keys().filter_map(|file| shortest_circle(&imports, file));
        let Some(circle) = circles.min_by_key(Vec::len) else { return found };
        for (index, file) in circle.iter().enumerate() {
            let next = &circle[(index + 1) % circle.len()];
            if let Some(targets) = imports.get_mut(file) {
                targets.remove(next);
            }
        }
        found.push(circle);
    }
}

/// Removes, until nothing changes, files that import nothing: they are part of no circle.
fn keep_tangled(imports: &mut Imports) {
    loop {
        let before = imports.len();
        imports.retain(|_, targets| !targets.is_empty());
        let files: BTreeSet<String> = imports.keys().cloned().collect();
        for targets in imports.values_mut() {
            targets.retain(|target, _| files.contains(target));
        }
        if imports.len() == before && imports.values().all(|targets| !targets.is_empty()) {
            return;
        }
    }
}

/// Returns the shortest circle that `file` is part of.
pub(crate) fn shortest_circle(imports: &Imports, file: &str) -> Option<Vec<String>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([file]);
    while let Some(at) = queue.pop_front() {
        for next in imports.get(at)?.keys() {
            if next == file {
                let mut circle = vec![at.to_owned()];
                let mut step = at;
                while step != file {
                    step = before[step];
                    circle.push(step.to_owned());
                }
                circle.reverse();
                return Some(circle);
            }
            if imports.contains_key(next) && !before.contains_key(next.as_str()) {
                before.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}
