//! The throw-away keys of one cluster: the administrator's token, the key that signs service-account tokens, and
//! kubeconfig files.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::SecretKey;
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};

use crate::Error;

/// The name of the cluster and of the context in every kubeconfig written here.
const CONTEXT: &str = "hooktender-cluster";

/// A random hexadecimal name or secret of `2 * BYTES` characters.
pub(crate) fn random_hex<const BYTES: usize>() -> String {
    let bytes: [u8; BYTES] = std::array::from_fn(|_| rand::random());
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The key that signs service-account tokens, in PEM.
pub(crate) struct SigningKey {
    /// For `--service-account-signing-key-file`.
    pub(crate) private: String,
    /// For `--service-account-key-file`, which takes no PKCS#8 private key.
    pub(crate) public: String,
}

impl SigningKey {
    /// A new one.
    pub(crate) fn generate() -> Result<Self, Error> {
        loop {
            let bytes: [u8; 32] = rand::random();
            // All but one in four billion are valid keys of the curve.
            if let Ok(key) = SecretKey::from_slice(&bytes) {
                let private = key.to_pkcs8_pem(LineEnding::LF)?.to_string();
                let public =
                    key.public_key().to_public_key_pem(LineEnding::LF).map_err(p256::pkcs8::Error::from)?;
                return Ok(Self { private, public });
            }
        }
    }
}

/// The authority's certificate in the file that the API server writes, which holds its own certificate first.
pub(crate) fn last_certificate(pem: &str) -> Option<String> {
    let start = pem.rfind("-----BEGIN CERTIFICATE-----")?;
    let complete = pem[start..].contains("-----END CERTIFICATE-----");
    complete.then(|| format!("{}\n", pem[start..].trim_end()))
}

/// A kubeconfig with one user and everything in it.
pub(crate) fn kubeconfig(api_url: &str, ca: &str, user: &str, token: &str, namespace: &str) -> String {
    let ca = STANDARD.encode(ca);
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {CONTEXT}\n\
         clusters:\n- name: {CONTEXT}\n  cluster:\n    server: {api_url}\n    certificate-authority-data: {ca}\n\
         users:\n- name: {user}\n  user:\n    token: {token}\n\
         contexts:\n- name: {CONTEXT}\n  context:\n    cluster: {CONTEXT}\n    user: {user}\n    namespace: {namespace}\n"
    )
}

/// Whether a kubeconfig is one of ours, so that it may be replaced.
pub(crate) fn is_ours(kubeconfig: &str) -> bool {
    kubeconfig.lines().any(|line| line == format!("current-context: {CONTEXT}"))
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let what = || format!("writing {}", path.display());
    // A file that exists would keep its mode.
    if path.exists() {
        fs::remove_file(path).map_err(Error::io(what()))?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(Error::io(what()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_pem_and_new_each_time() {
        let (one, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        assert!(one.private.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{}", one.private);
        assert!(one.public.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{}", one.public);
        assert_ne!(one.public, other.public);
    }

    #[test]
    fn the_authority_is_the_last_certificate_once_it_is_whole() {
        let block = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        let both = block("server") + &block("authority");
        assert_eq!(last_certificate(&both).unwrap(), block("authority"));
        assert_eq!(last_certificate(&both[..both.len() - 10]), None);
        assert_eq!(last_certificate(""), None);
    }

    #[test]
    fn only_our_kubeconfigs_are_replaced() {
        assert!(is_ours(&kubeconfig("https://127.0.0.1:1", "ca", "admin", "token", "default")));
        assert!(!is_ours("apiVersion: v1\ncurrent-context: production\n"));
    }
}
