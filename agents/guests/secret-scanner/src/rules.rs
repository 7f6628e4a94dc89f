//! What a secret looks like: one rule for each kind of credential.

/// One kind of credential.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// How bad a leak is.
    pub level: Level,
    /// How it is recognised.
    pub shape: Shape,
}

/// SARIF's levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Gives access by itself.
    Error,
    /// May give access.
    Warning,
}

/// How a credential is recognised.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// One of the prefixes, then characters of the alphabet, as many as possible; their number must be
    /// within the limits, and they must look random.
    Token {
        /// How it begins, at the beginning of a word.
        prefixes: &'static [&'static str],
        /// What follows.
        alphabet: Alphabet,
        /// The fewest characters after the prefix.
        length_min: usize,
        /// The most.
        length_max: usize,
    },
    /// `-----BEGIN … PRIVATE KEY-----`.
    PrivateKey,
    /// Three parts of base64url, of which the first two are JSON objects.
    JsonWebToken,
    /// `scheme://user:password@host`.
    UrlPassword,
    /// A name that contains one of these words, `=` or `:`, and a random value of the alphabet.
    Assignment {
        /// In lower case, without separators.
        names: &'static [&'static str],
        /// Of the value.
        alphabet: Alphabet,
        /// The shortest value.
        length_min: usize,
        /// The longest.
        length_max: usize,
        /// The least entropy of the value, in bits a character.
        bits_min: f64,
    },
}

/// The characters a token is made of.
#[derive(Debug, Clone, Copy)]
pub enum Alphabet {
    /// `A-Z2-7`, as AWS ids use it.
    Base32,
    /// `0-9a-f`.
    Hex,
    /// `A-Za-z0-9`.
    Alphanumeric,
    /// And `-`, `_`.
    Base64Url,
    /// `A-Za-z0-9+/=`.
    Base64,
    /// And `.`, and what [`Alphabet::Base64Url`] has.
    Dotted,
    /// What paths of URLs have.
    Path,
    /// Anything printable but quotes and spaces.
    Printable,
}

impl Alphabet {
    /// Whether `byte` belongs to it.
    pub const fn contains(self, byte: u8) -> bool {
        match self {
            Self::Base32 => matches!(byte, b'A'..=b'Z' | b'2'..=b'7'),
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Base64Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
            Self::Path => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/'),
            Self::Printable => byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`'),
        }
    }
}

const fn token(
    id: &'static str,
    description: &'static str,
    prefixes: &'static [&'static str],
    alphabet: Alphabet,
    lengths: (usize, usize),
) -> Rule {
    let shape = Shape::Token { prefixes, alphabet, length_min: lengths.0, length_max: lengths.1 };
    Rule { id, description, level: Level::Error, shape }
}

const fn assignment(
    id: &'static str,
    description: &'static str,
    names: &'static [&'static str],
    alphabet: Alphabet,
    lengths: (usize, usize),
    bits_min: f64,
) -> Rule {
    let shape = Shape::Assignment {
        names,
        alphabet,
        length_min: lengths.0,
        length_max: lengths.1,
        bits_min,
    };
    Rule { id, description, level: Level::Warning, shape }
}

use Alphabet::{Alphanumeric, Base32, Base64, Base64Url, Dotted, Hex, Path, Printable};

/// Every rule. Of two that match in one place, the earlier one is reported.
#[rustfmt::skip]
pub static RULES: &[Rule] = &[
    Rule { id: "private-key", description: "A private key in PEM.", level: Level::Error, shape: Shape::PrivateKey },
    token("aws-access-key-id", "An AWS access key id.", &["AKIA", "ASIA", "ABIA", "ACCA"], Base32, (16, 16)),
    token("github-token", "A GitHub personal, OAuth, app or refresh token.", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], Alphanumeric, (36, 255)),
    token("github-fine-grained-token", "A fine-grained GitHub token.", &["github_pat_"], Base64Url, (60, 255)),
    token("gitlab-token", "A GitLab personal, pipeline or runner token.", &["glpat-", "glptt-", "GR1348941", "gldt-"], Base64Url, (20, 64)),
    token("slack-token", "A Slack bot, user or app token.", &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-"], Base64Url, (20, 255)),
    token("slack-webhook", "A Slack incoming webhook.", &["https://hooks.slack.com/services/", "https://hooks.slack.com/workflows/"], Path, (30, 120)),
    token("stripe-key", "A Stripe secret or restricted key.", &["sk_live_", "rk_live_", "sk_test_", "rk_test_"], Alphanumeric, (20, 128)),
    token("stripe-webhook-secret", "The signing secret of a Stripe webhook.", &["whsec_"], Alphanumeric, (24, 64)),
    token("google-api-key", "A Google API key.", &["AIza"], Base64Url, (35, 35)),
    token("google-oauth-secret", "The secret of a Google OAuth client.", &["GOCSPX-"], Base64Url, (28, 28)),
    token("google-oauth-token", "A Google OAuth access token.", &["ya29."], Base64Url, (40, 512)),
    token("npm-token", "An npm access token.", &["npm_"], Alphanumeric, (36, 36)),
    token("pypi-token", "A PyPI upload token.", &["pypi-AgEI"], Base64Url, (50, 512)),
    token("crates-io-token", "A crates.io token.", &["cio"], Alphanumeric, (32, 32)),
    token("rubygems-token", "A RubyGems token.", &["rubygems_"], Hex, (48, 48)),
    token("docker-hub-token", "A Docker Hub access token.", &["dckr_pat_"], Base64Url, (27, 64)),
    token("sendgrid-key", "A SendGrid key.", &["SG."], Dotted, (66, 66)),
    token("mailgun-key", "A Mailgun key.", &["key-"], Hex, (32, 32)),
    token("twilio-key", "A Twilio key id.", &["SK"], Hex, (32, 32)),
    token("digitalocean-token", "A DigitalOcean token.", &["dop_v1_", "doo_v1_", "dor_v1_"], Hex, (64, 64)),
    token("shopify-token", "A Shopify token.", &["shpat_", "shpca_", "shppa_", "shpss_"], Hex, (32, 32)),
    token("square-token", "A Square access token.", &["EAAA", "sq0atp-", "sq0csp-"], Base64Url, (22, 64)),
    token("telegram-bot-token", "A Telegram bot token.", &["bot"], Printable, (44, 46)),
    token("openai-key", "An OpenAI key.", &["sk-proj-", "sk-svcacct-", "sk-admin-"], Base64Url, (40, 200)),
    token("anthropic-key", "An Anthropic key.", &["sk-ant-"], Base64Url, (80, 128)),
    token("hugging-face-token", "A Hugging Face token.", &["hf_"], Alphanumeric, (34, 40)),
    token("vault-token", "A HashiCorp Vault token.", &["hvs.", "hvb."], Base64Url, (90, 200)),
    token("grafana-token", "A Grafana service account or cloud token.", &["glsa_", "glc_"], Base64Url, (32, 200)),
    token("linear-key", "A Linear key.", &["lin_api_"], Alphanumeric, (40, 40)),
    token("age-secret-key", "A secret key of age.", &["AGE-SECRET-KEY-1"], Alphanumeric, (58, 58)),
    Rule { id: "json-web-token", description: "A signed JSON web token.", level: Level::Warning, shape: Shape::JsonWebToken },
    Rule { id: "url-password", description: "A password in a URL.", level: Level::Error, shape: Shape::UrlPassword },
    assignment("aws-secret-access-key", "An AWS secret access key.", &["awssecret", "secretaccesskey"], Base64, (40, 40), 4.0),
    assignment("azure-storage-key", "The key of an Azure storage account.", &["accountkey"], Base64, (88, 88), 4.5),
    assignment("generic-secret", "A random value under the name of a secret.", &["apikey", "secret", "token", "password", "passwd", "accesskey", "credential", "privatekey", "authkey"], Printable, (16, 128), 3.5),
];
