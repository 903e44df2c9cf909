//! Style sheet, script and icon: files of their own, so that the Content-Security-Policy allows nothing inline. Their addresses
//! have a digest of their content, so that a browser keeps them and still sees a new version at once.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// A file that pages refer to.
pub(crate) struct Asset {
    path: String,
    pub(crate) content_type: &'static str,
    pub(crate) text: &'static str,
}

/// The style sheet of all pages.
pub(crate) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", "text/css; charset=utf-8", include_str!("assets/style.css")));
/// The script that refreshes a page. Everything works without it.
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("refresh", "js", "text/javascript; charset=utf-8", include_str!("assets/refresh.js"))
});
/// The icon.
pub(crate) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg")));

impl Asset {
    fn new(name: &str, extension: &str, content_type: &'static str, text: &'static str) -> Self {
        let digest = Sha256::digest(text);
        let digest = digest.iter().take(6).fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        Self { path: format!("/{name}-{digest}.{extension}"), content_type, text }
    }

    /// The path of its address.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The file at that path.
    pub(crate) fn at(path: &str) -> Option<&'static Self> {
        [&*STYLE, &*SCRIPT, &*ICON].into_iter().find(|asset| asset.path == path)
    }
}
