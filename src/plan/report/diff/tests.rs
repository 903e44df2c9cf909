use super::*;
use crate::plan::report::testing::field;

/// A change in few characters.
fn drawn(before: Option<&str>, after: Option<&str>) -> String {
    let mut out = Vec::new();
    for entry in entries(&field("f", before, after)) {
        let side = |side: Option<Marked>| side.map_or("-".into(), |side| side.text);
        match entry.body {
            Body::Line { before, after } => {
                out.push(format!("{}: {} -> {}", entry.path, side(before), side(after)));
            }
            Body::Rows(rows) => {
                out.push(format!("{}:", entry.path));
                out.extend(rows.into_iter().map(|row| match row {
                    Row::Same(text) => format!("  {text}"),
                    Row::Old(text) => format!("- {}", text.text),
                    Row::New(text) => format!("+ {}", text.text),
                    Row::Elided(n) => format!("… {n}"),
                }));
            }
        }
        out.extend(entry.notes);
    }
    out.join("\n")
}

#[test]
fn values_on_one_line() {
    let cases = [
        (Some("a"), Some("b"), "f: a -> b", "as they are"),
        (None, Some("b"), "f: - -> b", "only one side"),
        (Some(""), Some(" "), "f: (empty) -> ·", "what nobody sees is shown"),
        (Some("a"), Some("a "), "f: a -> a·", "a space at the end"),
        (Some("(hidden)"), Some("(hidden)"), "f: - -> -\n(hidden) (only redacted values differ)", "a secret"),
    ];
    for (before, after, expected, reason) in cases {
        assert_eq!(drawn(before, after), expected, "{reason}");
    }
}

#[test]
fn json_by_member() {
    let cases = [
        (
            r#"{"a":1,"b":{"c":"x"}}"#,
            r#"{"a":1,"b":{"c":"y"},"d":null}"#,
            "f.b.c: \"x\" -> \"y\"\nf.d: - -> null",
            "nested",
        ),
        (r#"["a","b"]"#, r#"["b","c"]"#, "f[]: \"a\" -> -\nf[]: - -> \"c\"", "a set"),
        (
            r#"["a","b"]"#,
            r#"["b","a"]"#,
            "f: [\"a\",\"b\"] -> [\"b\",\"a\"]\n(the same JSON in another notation)",
            "order",
        ),
        (
            r#"["a","b"]"#,
            r#"["b","a","c"]"#,
            "f[]: - -> \"c\"\n(some unchanged items are in another order)",
            "order too",
        ),
        (r#"[{"a":1,"b":2}]"#, r#"[{"a":1,"b":3}]"#, "f[0].b: 2 -> 3", "objects that belong together"),
        (r#"[{"a":1}]"#, r#"[{"a":2}]"#, "f[]: {\"a\":1} -> -\nf[]: - -> {\"a\":2}", "objects that do not"),
        (
            r#"{"a": 1}"#,
            r#"{"a":1}"#,
            "f: {\"a\": 1} -> {\"a\":1}\n(the same JSON in another notation)",
            "bytes count",
        ),
        (
            r#"{"a": 1}"#,
            r#"{"a":2}"#,
            "f.a: 1 -> 2\n(white space or notation of the JSON differs too)",
            "bytes count too",
        ),
        (r#"{"a": 1}"#, r#"{"a": 2}"#, "f.a: 1 -> 2", "one way of writing"),
        (r#"{"a b":1}"#, r#"{"a b":"1"}"#, "f[\"a b\"]: 1 -> \"1\"", "a name that is no word"),
        (
            r#"{"a":1,"a":2}"#,
            r#"{"a":2}"#,
            "f: {\"a\":1,\"a\":2} -> {\"a\":2}",
            "a member that is there twice",
        ),
        (r#"{"a":"1\n2"}"#, r#"{"a":"1\n3"}"#, "f.a:\n  1\n- 2\n+ 3", "a text in it"),
        (r#"{"a":1}"#, "{a", "f: {\"a\":1} -> {a", "JSON on one side only"),
    ];
    for (before, after, expected, reason) in cases {
        assert_eq!(drawn(Some(before), Some(after)), expected, "{reason}");
    }
}

#[test]
fn texts_by_line() {
    let many = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
    let cases: [(String, String, &str, &str); 6] = [
        (many.into(), many.replace("12\n", "x\n"), "f:\n… 9\n  10\n  11\n- 12\n+ x", "context"),
        ("a\r\nb\r\n".into(), "a\nb\n".into(), "f:\n  a\n  b\n(line endings differ: CRLF -> LF)", "endings"),
        (
            "a\nb\n".into(),
            "a\nb".into(),
            "f:\n  a\n  b\n(line break at the end removed)",
            "the last line break",
        ),
        ("a\r\nb\n".into(), "a\nb\n".into(), "f:\n- a\\u{d}\n+ a\n  b", "mixed endings"),
        ("a \n".into(), "a\n".into(), "f:\n- a·\n+ a", "a space at the end"),
        ("\ta\n".into(), "  a\n".into(), "f:\n- ⇥a\n+   a", "tabs"),
    ];
    for (before, after, expected, reason) in cases {
        assert_eq!(drawn(Some(&before), Some(&after)), expected, "{reason}");
    }
}

#[test]
fn what_is_new_is_shown_whole() {
    let topics = r#"[{"event":["published","deleted"],"resourceType":"entry"},{"event":["published"]}]"#;
    assert_eq!(
        drawn(None, Some(topics)),
        "f:\n+ [\n+   {\n+     \"event\": [\"published\", \"deleted\"],\n+     \"resourceType\": \"entry\"\n+   },\n+   {\"event\": [\"published\"]}\n+ ]"
    );
    assert_eq!(drawn(None, Some("a\nb\n")), "f:\n+ a\n+ b");
    assert_eq!(drawn(None, Some("a\nb")), "f:\n+ a\n+ b\n(no line break at the end)");
}

#[test]
fn what_differs_is_marked() {
    let (before, after) = marked("https://a.example/v1/x".into(), "https://a.example/v22/x".into());
    assert_eq!(&before.text[before.changed], "1");
    assert_eq!(&after.text[after.changed], "22");
    let (before, _) = marked("abc".into(), "xyz".into());
    assert!(before.changed.is_empty());
}

#[test]
fn work_is_bounded() {
    let side = |name: &str| -> Vec<String> { (0..6000).map(|n| format!("{name}{n}")).collect() };
    let (mut old, mut new) = (side("a"), side("b"));
    old.insert(0, "same".into());
    new.insert(0, "same".into());
    assert_eq!(operations(&old, &new).len(), 2);
}
