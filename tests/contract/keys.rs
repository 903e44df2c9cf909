//! One private key in its usual formats (vendors/superoffice.md 3.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The numbers of an RSA private key in the order of PKCS#1, after its version.
const XML: [&str; 8] = ["Modulus", "Exponent", "D", "P", "Q", "DP", "DQ", "InverseQ"];

/// A PKCS#8 key as PKCS#1 in PEM.
pub(crate) fn pkcs1(pkcs8: &str) -> String {
    let text = STANDARD.encode(inner(&der(pkcs8)));
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", lines.join("\n"))
}

/// A PKCS#8 key in the format of the Developer Portal.
pub(crate) fn xml(pkcs8: &str) -> String {
    let key = inner(&der(pkcs8));
    let mut rest = take(&key).0;
    let mut numbers = Vec::new();
    while !rest.is_empty() {
        let (number, tail) = take(rest);
        numbers.push(number);
        rest = tail;
    }
    let members = XML.iter().zip(&numbers[1..]).map(|(name, number)| {
        // DER puts a zero before a number whose first bit is set; the Portal does not.
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        format!("  <{name}>{}</{name}>\n", STANDARD.encode(number))
    });
    format!("<RSAKeyValue>\n{}</RSAKeyValue>\n", members.collect::<String>())
}

fn der(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(text).unwrap()
}

/// PKCS#8 is version, algorithm, and the key as a string of bytes.
fn inner(pkcs8: &[u8]) -> Vec<u8> {
    let (_, rest) = take(take(pkcs8).0);
    let (_, rest) = take(rest);
    take(rest).0.to_vec()
}

/// The contents of the first DER value, and what follows it.
fn take(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, head) = match bytes[1] {
        short @ 0..=0x7f => (usize::from(short), 2),
        long => {
            let count = usize::from(long & 0x7f);
            let length = bytes[2..2 + count].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, 2 + count)
        }
    };
    (&bytes[head..head + length], &bytes[head + length..])
}
