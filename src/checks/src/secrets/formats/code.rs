//! Where code and packages are kept, and models that write them.

use super::{FORMAT, Format};
use crate::secrets::proof::github;

pub(super) const FORMATS: &[Format] = &[
    // github.blog, "Behind GitHub's new authentication token formats": the five prefixes and the checksum.
    Format {
        id: "github-pat",
        what: "a GitHub personal access token",
        keywords: &["ghp_"],
        pattern: r"\bghp_[0-9A-Za-z]{36}\b",
        prefixes: &["ghp_"],
        proof: Some(github),
        ..FORMAT
    },
    Format {
        id: "github-oauth",
        what: "a GitHub OAuth token",
        keywords: &["gho_"],
        pattern: r"\bgho_[0-9A-Za-z]{36}\b",
        prefixes: &["gho_"],
        proof: Some(github),
        ..FORMAT
    },
    Format {
        id: "github-app-token",
        what: "a GitHub App token",
        keywords: &["ghu_", "ghs_"],
        pattern: r"\bgh[us]_[0-9A-Za-z]{36}\b",
        prefixes: &["ghu_", "ghs_"],
        proof: Some(github),
        ..FORMAT
    },
    Format {
        id: "github-refresh-token",
        what: "a GitHub refresh token",
        keywords: &["ghr_"],
        pattern: r"\bghr_[0-9A-Za-z]{36,76}\b",
        prefixes: &["ghr_"],
        ..FORMAT
    },
    Format {
        id: "github-fine-grained-pat",
        what: "a fine-grained GitHub token",
        keywords: &["github_pat_"],
        pattern: r"\bgithub_pat_\w{82}\b",
        prefixes: &["github_pat_"],
        ..FORMAT
    },
    // docs.gitlab.com/security/tokens: token prefixes.
    Format {
        id: "gitlab-pat",
        what: "a GitLab token",
        keywords: &[
            "glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-", "glft-",
        ],
        pattern: r"\bgl(?:pat|dt|rt|ptt|cbt|soat|ft)-[\w-]{20,80}(?:\.[\w.-]{5,60})?",
        prefixes: &[
            "glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-", "glft-",
        ],
        ..FORMAT
    },
    Format {
        id: "npm-access-token",
        what: "an npm token",
        keywords: &["npm_"],
        pattern: r"\bnpm_[0-9A-Za-z]{36}\b",
        prefixes: &["npm_"],
        ..FORMAT
    },
    // A macaroon whose location is pypi.org or test.pypi.org.
    Format {
        id: "pypi-upload-token",
        what: "a PyPI token",
        keywords: &["pypi-ageichl", "pypi-agendgvz"],
        pattern: r"\bpypi-(?:AgEIcHlwaS5vcmc|AgENdGVzdC5weXBpLm9yZw)[\w-]{50,1000}",
        prefixes: &["pypi-"],
        ..FORMAT
    },
    Format {
        id: "openai-api-key",
        what: "an OpenAI key",
        // The middle of every key: "OpenAI" in base64.
        keywords: &["t3blbkfj"],
        pattern: r"\bsk-[\w-]{16,120}T3BlbkFJ[\w-]{16,120}",
        prefixes: &["sk-"],
        ..FORMAT
    },
    Format {
        id: "anthropic-api-key",
        what: "an Anthropic key",
        keywords: &["sk-ant-"],
        pattern: r"\bsk-ant-(?:api|admin)\d\d-[\w-]{80,120}",
        prefixes: &["sk-ant-"],
        ..FORMAT
    },
    Format {
        id: "huggingface-access-token",
        what: "a Hugging Face token",
        keywords: &["hf_"],
        pattern: r"\bhf_[A-Za-z]{34}\b",
        prefixes: &["hf_"],
        entropy: 3.5,
        ..FORMAT
    },
];
