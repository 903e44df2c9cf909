use super::spelling::LONGEST_PATTERN;
use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;
use std::fmt::Write as _;

fn redactor(secrets: &[(&str, &str)]) -> Redactor {
    let mut redactor = Redactor::default();
    for (secret, instead) in secrets {
        redactor.hide(&(*secret).into(), instead);
    }
    redactor
}

#[test]
fn every_spelling_goes() {
    let redactor = redactor(&[
        ("p\"ss w/rd", "$(PASS)"),
        ("p\"ss w/rd and more", "$(LONG)"),
        ("ab", "$(SHORT)"),
        ("Zm9vYmFy+/8xMjM0NTY3ODkwYWJj==", "$(TOKEN)"),
    ]);
    let cases = [
        ("as it is", "token p\"ss w/rd was refused", "token $(PASS) was refused"),
        ("in JSON", r#"{"t":"p\"ss w/rd"}"#, r#"{"t":"$(PASS)"}"#),
        ("in JSON with a slash", r#"{"t":"p\"ss w\/rd"}"#, r#"{"t":"$(PASS)"}"#),
        ("in JSON by numbers", r#"{"t":"p\u0022ss\u0020w\u002Frd"}"#, r#"{"t":"$(PASS)"}"#),
        ("in a form", "t=p%22ss+w%2Frd&x", "t=$(PASS)&x"),
        ("in a URL", "t=p%22ss%20w%2Frd&x", "t=$(PASS)&x"),
        ("in a URL, written small", "t=p%22ss%20w%2frd&x", "t=$(PASS)&x"),
        ("in a URL, partly", "t=%70\"ss%20w/r%64&x", "t=$(PASS)&x"),
        ("in a URL in a URL", "t=p%2522ss%2520w%252Frd&x", "t=$(PASS)&x"),
        ("in HTML", "<b>p&quot;ss w&sol;rd</b>", "<b>$(PASS)</b>"),
        ("in HTML by numbers", "<b>p&#34;ss&#x20;w&#x2F;rd</b>", "<b>$(PASS)</b>"),
        ("in base64", "Basic cCJzcyB3L3Jk", "Basic $(PASS)"),
        ("in hex", "70227373 and 7022737320772f7264", "70227373 and $(PASS)"),
        ("the longer one whole", "p\"ss w/rd and more", "$(LONG)"),
        ("the longer one cut short", "p\"ss w/rd and", "$(LONG)"),
        ("short ones not in a word", "about a tab, abc, 2ab", "about a tab, abc, 2ab"),
        ("short ones that are words of their own", "user 'ab' of ab.", "user '$(SHORT)' of $(SHORT)."),
        ("short ones alone", "ab", "$(SHORT)"),
        ("short ones beside quotes", "\u{2019}ab\u{2019}", "\u{2019}$(SHORT)\u{2019}"),
        ("base64 as it is", "<Zm9vYmFy+/8xMjM0NTY3ODkwYWJj==>", "<$(TOKEN)>"),
        ("base64 in the other alphabet", "<Zm9vYmFy-_8xMjM0NTY3ODkwYWJj>", "<$(TOKEN)>"),
        ("base64 in a URL", "t=Zm9vYmFy%2B%2F8xMjM0NTY3ODkwYWJj%3D%3D&x", "t=$(TOKEN)&x"),
        ("base64 in a URL, partly", "t=Zm9vYmFy+%2F8xMjM0NTY3ODkwYWJj%3D=&x", "t=$(TOKEN)&x"),
        ("base64 cut short at its end", "<Zm9vYmFy+/8xMjM0NTY3\u{2026}", "<$(TOKEN)\u{2026}"),
        ("base64 cut short at its front", "\u{2026}y+/8xMjM0NTY3ODkwYWJj==>", "\u{2026}$(TOKEN)>"),
        ("base64 with a slash of JSON", r"<Zm9vYmFy+\/8xMjM0NTY3ODkwYWJj\u003d=>", "<$(TOKEN)>"),
    ];
    for (reason, text, shown) in cases {
        assert_eq!(redactor.redact(text), shown, "{reason}");
    }
    assert!(!format!("{redactor:?}").contains("ss w"));
}

#[test]
fn short_words_of_a_message_are_no_pieces_of_a_secret() {
    let text = "check the key id of Secret login, and that project cust643 is there";
    assert_eq!(redactor(&[("canary-login", "|"), ("id-cust643", "|")]).redact(text), text);
}

#[test]
fn a_replacement_is_not_searched_for_secrets() {
    // Each name is made of the value of the next.
    let values = ["aaaaaaaaaaaa", "bbbbbbbbbbb", "cccccccccc", "ddddddddd", "eeeeeeee", "fffffff"];
    let names = values.map(|value| format!("$(_{})", value[..1].repeat(190)));
    let all: Vec<_> = (1..values.len()).map(|at| (values[at - 1], names[at].as_str())).collect();
    assert_eq!(
        redactor(&all).redact("https://h.example/aaaaaaaaaaaa"),
        format!("https://h.example/{}", names[1])
    );
    let several = all.iter().map(|one| redactor(&[*one]));
    assert_eq!(Redactor::redact_all(several, "aaaaaaaaaaaa"), names[1]);
}

#[test]
fn tokens_that_begin_alike_are_hidden_to_their_own_ends() {
    let front = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9";
    let numbers = |by: u64| (1..30).map(|n| (n * n * by).to_string()).collect::<String>();
    let [one, other] = [7919, 104_729].map(|by| format!("{front}.{}", numbers(by)));
    let redactor = redactor(&[(&one, "$(ONE)"), (&other, "$(OTHER)"), (front, "$(FRONT)")]);
    for (text, shown) in [
        (one.as_str(), "$(ONE)"),
        (&other, "$(OTHER)"),
        (&other[..100], "$(OTHER)"),
        (&other[60..], "$(OTHER)"),
        (front, "$(FRONT)"),
    ] {
        assert_eq!(redactor.redact(&format!("<{text}>")), format!("<{shown}>"), "{text}");
    }
}

#[test]
fn nothing_is_compared_that_is_not_consumed() {
    for length in [6, 64, 65, 100_000] {
        let secret = "a".repeat(length);
        let redactor = redactor(&[(&secret, "*")]);
        for (spelling, _) in redactor.spelt() {
            assert!(spelling.parts().all(|(_, text)| text.len() <= LONGEST_PATTERN), "{length}");
        }
        let text = format!("{}b", "a".repeat(70_000));
        let mut spans = Vec::new();
        for (layer, grams) in layers(&text) {
            redactor.find(&layer, &grams, &mut spans);
        }
        assert!(spans.windows(2).all(|two| two[0].end <= two[1].start), "{length}");
        assert_eq!(spans.iter().map(|span| span.end - span.start).sum::<usize>() / 6, 70_000 / 6, "{length}");
    }
}

/// The spelling in which a secret is repeated.
fn spelt(secret: &str, how: usize, mask: u64) -> String {
    let partly = |spell: &dyn Fn(char) -> String| {
        let spelt = secret
            .chars()
            .enumerate()
            // The first character of an escape is always escaped, as the text would be ambiguous otherwise.
            .map(|(at, char)| match char {
                '%' | '\\' | '&' => spell(char),
                other if mask >> (at % 64) & 1 == 1 => spell(other),
                other => other.to_string(),
            });
        spelt.collect::<String>()
    };
    let percent = |char: char| {
        char.to_string().bytes().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "%{byte:02X}");
            text
        })
    };
    let json = |char: char| {
        char.encode_utf16(&mut [0; 2]).iter().fold(String::new(), |text, unit| format!("{text}\\u{unit:04x}"))
    };
    let by_name = |char: char| match char {
        '+' => "&plus;".to_owned(),
        '/' => "&sol;".to_owned(),
        '=' => "&equals;".to_owned(),
        other => format!("&#{};", u32::from(other)),
    };
    match how {
        0 => secret.to_owned(),
        1 => partly(&percent),
        2 => partly(&|char| percent(char).to_lowercase()),
        3 => partly(&|char| percent(char).replace('%', "%25")),
        4 => partly(&json),
        5 => secret.replace('\\', "\\\\").replace('/', "\\/"),
        6 => partly(&by_name),
        7 => partly(&|char| by_name(char).replace('&', "&amp;")),
        8 => partly(&|char| json(char).to_uppercase().replace("\\U", "%5Cu")),
        9 => secret.replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned(),
        10 => secret.bytes().fold(String::new(), |text, byte| format!("{text}{byte:02x}")),
        _ => STANDARD.encode(secret),
    }
}

proptest! {
    /// However a token is spelt, and where it is cut short, all that is left of it is its name.
    #[test]
    fn no_spelling_of_a_token_is_left(
        token in "[A-Za-z0-9+/]{8,90}={0,2}", how in 0_usize..12, mask: u64, cut in 0.5_f64..1.0, front: bool, whole: bool,
    ) {
        let bare = token.trim_end_matches('=').len();
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "small")]
        let length = ((token.len() as f64 * cut).ceil() as usize).clamp(8.max(bare.div_ceil(2)) + token.len() - bare, token.len());
        let piece = match (whole || how > 9, front) {
            (true, _) => &token[..],
            (false, true) => &token[..length],
            (false, false) => &token[token.len() - length..],
        };
        let text = format!("<{}>", spelt(piece, how, mask));
        prop_assert_eq!(redactor(&[(&token, "|")]).redact(&text), "<|>", "{} in {}", token, text);
    }

    /// Whatever a secret is, it cannot be read from what is shown.
    #[test]
    fn no_secret_is_left(secret in "[ -~\u{e9}\u{1f600}]{6,40}", how in 0_usize..12, mask: u64, around in "[ -~]{0,8}") {
        // Where the text has backslash escapes, a backslash before the secret is escaped itself.
        let before = if matches!(how, 4 | 8) { around.trim_end_matches('\\') } else { &around };
        let text = format!("{before}{}{around}", spelt(&secret, how, mask));
        let shown = redactor(&[(&secret, "|")]).redact(&text);
        prop_assert!(shown.contains('|'), "{}", shown);
        for (layer, _) in layers(&shown) {
            let (read, secret) = (String::from_utf8_lossy(&layer.bytes).into_owned(), Layer::of(&secret).folded());
            let secret = String::from_utf8_lossy(&secret.bytes).into_owned();
            prop_assert!(!read.contains(&secret), "{} in {}", secret, shown);
        }
    }

    /// Whatever the names and secrets are, what is shown is not much longer than the text.
    #[test]
    fn what_is_shown_is_bounded(
        secrets in proptest::collection::vec(("[ab%\\\\&1]{1,9}", "[ab]{0,253}"), 1..8), text in "[ab %\\\\&;1]{0,300}",
    ) {
        let all: Vec<_> = secrets.iter().map(|(secret, name)| (secret.as_str(), name.as_str())).collect();
        let shown = redactor(&all).redact(&text);
        prop_assert!(shown.len() <= GROWTH * text.len() + ROOM, "{} of {}", shown.len(), text.len());
        let several: Vec<_> = all.iter().map(|one| redactor(&[*one])).collect();
        let together = Redactor::redact_all(several, &text);
        prop_assert!(together.len() <= GROWTH * text.len() + ROOM);
    }

    /// At any position in the encoded text, nothing that decodes to a large part of it is left.
    #[test]
    fn base64_around_it_does_not_show_it(
        before in "[ -~]{0,7}", secret in "[a-z+/é ]{8,20}", after in "[ -~]{0,7}", url in any::<bool>(),
    ) {
        let engine = if url { URL_SAFE } else { STANDARD };
        let shown = redactor(&[(&secret, "|")]).redact(&engine.encode(format!("{before}{secret}{after}")));
        prop_assert!(shown.contains('|'), "{}", shown);
        // A character at each end may contain some bits of it.
        let left = shown.trim_end_matches('=').len() - 1;
        prop_assert!(left <= (before.len() + after.len()) * 8 / 6 + 4, "{}", shown);
    }
}
