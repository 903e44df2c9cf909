//! An app's private key as PEM (PKCS#1 or PKCS#8), or as the RSA XML of SuperOffice's Developer Portal
//! (vendors/superoffice.md 3.1). Error messages hold no byte of the key.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

/// Maximum length of a key in bytes, far above any real one.
const LONGEST: usize = 64 << 10;
/// What the text has to be.
const WANTED: &str = "use the app's RSA private key: PEM (BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY), or RSA XML (<RSAKeyValue>) as the Developer Portal issues it";

/// An RSA private key.
pub(in crate::vendor) struct PrivateKey(KeyPair);

impl PrivateKey {
    /// Parses a key. The error says what is wrong and what to do.
    pub(in crate::vendor) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(format!("is too long for a key; {WANTED}"));
        }
        if text.starts_with('<') { Self::from_xml(text) } else { Self::from_pem(text) }.map(Self)
    }

    /// Signs with RSASSA-PKCS1-v1_5 over SHA-256.
    pub(in crate::vendor) fn sign(&self, data: &[u8]) -> Result<Vec<u8>, String> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature)
            .map_err(|_| "cannot sign".to_owned())?;
        Ok(signature)
    }

    fn from_pem(text: &str) -> Result<KeyPair, String> {
        if text.contains("ENCRYPTED") {
            return Err(
                "is encrypted with a passphrase, which hooktender cannot ask for; store it decrypted: openssl pkey -in key.pem -out plain.pem".into(),
            );
        }
        for (kind, what) in [
            ("CERTIFICATE", "a certificate"),
            ("PUBLIC KEY", "a public key"),
            ("EC PRIVATE KEY", "an EC key"),
        ] {
            if text.contains(&format!("BEGIN {kind}")) || text.contains(&format!("BEGIN RSA {kind}")) {
                return Err(format!("is {what}; {WANTED}"));
            }
        }
        let der = PrivateKeyDer::from_pem_slice(text.as_bytes())
            .map(Zeroizing::new)
            .map_err(|_| format!("is not a PEM key, or not a complete one; {WANTED}"))?;
        let pair = match &*der {
            PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
            _ => return Err(format!("is a key of another kind; {WANTED}")),
        };
        pair.map_err(rejected)
    }

    fn from_xml(text: &str) -> Result<KeyPair, String> {
        let document = roxmltree::Document::parse(text)
            .map_err(|_| format!("starts like XML, but is not valid XML; {WANTED}"))?;
        let root = document.root_element();
        if root.tag_name().name() != "RSAKeyValue" {
            return Err(format!("is XML without the root element <RSAKeyValue>; {WANTED}"));
        }
        let number = |name: &str| {
            let found =
                root.children().find(|node| node.tag_name().name() == name).and_then(|node| node.text());
            let found = found.ok_or_else(|| match name {
                "Modulus" | "Exponent" => format!("is RSA XML without <{name}>; {WANTED}"),
                _ => format!("is RSA XML without <{name}>: it is the public half; {WANTED}"),
            })?;
            let packed: Zeroizing<String> = Zeroizing::new(found.split_whitespace().collect());
            STANDARD
                .decode(&*packed)
                .map(Zeroizing::new)
                .map_err(|_| format!("is RSA XML whose <{name}> is not base64; {WANTED}"))
        };
        let components = KeyPairComponents {
            public_key: PublicKeyComponents { n: number("Modulus")?, e: number("Exponent")? },
            d: number("D")?,
            p: number("P")?,
            q: number("Q")?,
            dP: number("DP")?,
            dQ: number("DQ")?,
            qInv: number("InverseQ")?,
        };
        KeyPair::from_components(&components).map_err(rejected)
    }
}

fn rejected(error: aws_lc_rs::error::KeyRejected) -> String {
    format!("contains a key that cannot be used ({error}), perhaps because part of it is missing; {WANTED}")
}

#[cfg(test)]
mod tests;
