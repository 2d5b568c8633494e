//! The ways to name a function: name, `account:function:name`, `function:name`, full ARN; each with an optional qualifier.

/// A function's name as a caller gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FunctionName {
    pub(super) region: Option<String>,
    pub(super) account: Option<String>,
    pub(super) name: String,
    pub(super) qualifier: Option<String>,
}

impl FunctionName {
    /// Reads the forms of the service model's pattern; `None` where it does not match.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > 140 {
            return None;
        }
        let parts: Vec<&str> = text.split(':').collect();
        let (region, account, rest) = match parts.as_slice() {
            ["arn", "aws", "lambda", region, account, "function", rest @ ..] => {
                (Some(*region), Some(*account), rest)
            }
            [account, "function", rest @ ..]
                if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                (None, Some(*account), rest)
            }
            ["function", rest @ ..] => (None, None, rest),
            rest => (None, None, rest),
        };
        let (name, qualifier) = match rest {
            [name] => (*name, None),
            [name, qualifier] => (*name, Some(*qualifier)),
            _ => return None,
        };
        let word = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let good = name.len() <= 64
            && word(name)
            && qualifier.is_none_or(|qualifier| qualifier == "$LATEST" || word(qualifier));
        good.then(|| Self {
            region: region.map(str::to_owned),
            account: account.map(str::to_owned),
            name: name.to_owned(),
            qualifier: qualifier.map(str::to_owned),
        })
    }
}

/// Whether a text may name an alias: `(?!^[0-9]+$)[a-zA-Z0-9-_]+`, 1 to 128 characters.
pub(super) fn is_alias(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        && !text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_documented_forms_are_read() {
        let parsed = FunctionName::parse("arn:aws:lambda:eu-west-1:111122223333:function:api:live").unwrap();
        assert_eq!((parsed.name.as_str(), parsed.qualifier.as_deref()), ("api", Some("live")));
        assert_eq!(
            FunctionName::parse("111122223333:function:api").unwrap().account.as_deref(),
            Some("111122223333")
        );
        assert_eq!(FunctionName::parse("function:api").unwrap().name, "api");
        assert_eq!(FunctionName::parse("api:$LATEST").unwrap().qualifier.as_deref(), Some("$LATEST"));
        for bad in ["", "a b", "a:b:c", "../x", &"x".repeat(65)] {
            assert_eq!(FunctionName::parse(bad), None, "{bad:?}");
        }
        assert!(is_alias("live") && !is_alias("12") && !is_alias(""));
    }
}
