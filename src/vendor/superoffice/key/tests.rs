use super::*;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use std::collections::HashSet;
use std::sync::LazyLock;

/// A key that is generated for each run, and its PKCS#8 form.
static KEY: LazyLock<(KeyPair, Vec<u8>)> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'static> = pair.as_der().unwrap();
    let der = der.as_ref().to_vec();
    (pair, der)
});

/// Returns tag, content and rest of a DER element.
fn element(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (length, start) = match der[1] {
        short @ ..0x80 => (usize::from(short), 2),
        long => {
            let count = usize::from(long & 0x7f);
            let length = der[2..2 + count].iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
            (length, 2 + count)
        }
    };
    (der[0], &der[start..start + length], &der[start + length..])
}

fn pkcs1() -> Vec<u8> {
    let (_, info, _) = element(&KEY.1);
    let (_, _, rest) = element(info);
    let (_, _, rest) = element(rest);
    let (tag, key, _) = element(rest);
    assert_eq!(tag, 4, "an octet string");
    key.to_vec()
}

fn xml(without: &str) -> String {
    let pkcs1 = pkcs1();
    let (_, mut rest, _) = element(&pkcs1);
    let mut members = Vec::new();
    for name in ["Version", "Modulus", "Exponent", "D", "P", "Q", "DP", "DQ", "InverseQ"] {
        let (_, number, after) = element(rest);
        rest = after;
        // DER adds a leading zero for the sign, XML does not.
        let number = number.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(number);
        if name != "Version" && name != without {
            members.push(format!("<{name}>{}</{name}>", STANDARD.encode(number)));
        }
    }
    format!("<RSAKeyValue>\n  {}\n</RSAKeyValue>", members.join("\n  "))
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

#[test]
fn a_key_in_any_form_signs() {
    let (pkcs8, pkcs1) = (pem("PRIVATE KEY", &KEY.1), pem("RSA PRIVATE KEY", &pkcs1()));
    let forms = [
        ("PKCS#8", pkcs8.clone()),
        ("PKCS#8 with blanks around it", format!("\n \n{pkcs8}\n\n")),
        ("PKCS#8 with Windows' line ends", pkcs8.replace('\n', "\r\n")),
        ("PKCS#1", pkcs1),
        ("XML", xml("")),
        (
            "XML with a namespace",
            xml("").replace("<RSAKeyValue>", "<RSAKeyValue xmlns=\"http://www.w3.org/2000/09/xmldsig#\">"),
        ),
        ("XML on one line, with a head", format!("<?xml version=\"1.0\"?>{}", xml("").replace('\n', ""))),
    ];
    for (form, text) in forms {
        let key = PrivateKey::parse(&text).unwrap_or_else(|problem| panic!("{form}: {problem}"));
        let signature = key.sign(b"data").unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, KEY.0.public_key().as_ref());
        public.verify(b"data", &signature).unwrap_or_else(|_| panic!("{form}: another signature"));
    }
}

#[test]
fn an_error_names_the_problem_without_a_byte_of_the_key() {
    let whole = pem("PRIVATE KEY", &KEY.1);
    let half = whole.lines().take(5).collect::<Vec<_>>().join("\n");
    let mut bent = KEY.1.clone();
    let last = bent.len() - 20;
    bent[last] ^= 0xff;
    let cases = [
        ("", "is not a PEM key"),
        ("hunter2hunter2", "is not a PEM key"),
        (&half, "is not a PEM key, or not a complete one"),
        (&pem("PRIVATE KEY", &bent), "contains a key that cannot be used"),
        (&pem("PRIVATE KEY", b"hunter2"), "contains a key that cannot be used"),
        (&pem("ENCRYPTED PRIVATE KEY", &KEY.1), "encrypted with a passphrase"),
        (
            &pem("RSA PRIVATE KEY", &KEY.1).replacen('\n', "\nProc-Type: 4,ENCRYPTED\n", 1),
            "encrypted with a passphrase",
        ),
        (&pem("CERTIFICATE", &KEY.1), "is a certificate"),
        (&pem("PUBLIC KEY", &KEY.1), "is a public key"),
        (&pem("RSA PUBLIC KEY", &KEY.1), "is a public key"),
        (&pem("EC PRIVATE KEY", &KEY.1), "is an EC key"),
        (&xml("D"), "without <D>: it is the public half"),
        (&xml("Modulus"), "without <Modulus>"),
        (&xml("").replace("<DQ>", "<DQ>!"), "<DQ> is not base64"),
        (&xml("").replace("RSAKeyValue", "OtherKey"), "without the root element <RSAKeyValue>"),
        (&xml("").replace("</Modulus>", ""), "starts like XML, but is not valid XML"),
        (&"<".repeat(100_000), "is too long"),
    ];
    for (text, says) in cases {
        let Err(problem) = PrivateKey::parse(text) else { panic!("{text} was accepted as a key") };
        assert!(problem.contains(says), "{problem} / {says}");
        let advised = problem.contains("use the app's RSA private key") || problem.contains("openssl pkey");
        assert!(advised, "{problem}");
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let words = |text: &str| text.as_bytes().windows(12).map(<[u8]>::to_vec).collect::<HashSet<_>>();
        let shown = words(&problem);
        let leaked = words(&body).difference(&words(WANTED)).any(|part| shown.contains(part));
        assert!(!leaked, "{problem}");
    }
}
