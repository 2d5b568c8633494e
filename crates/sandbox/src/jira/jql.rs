//! The small part of JQL that release tools use: `field = value` and `field in (…)` joined by AND, then ORDER BY.

/// A parsed query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) clauses: Vec<Clause>,
    /// Field and whether it descends.
    pub(super) order: Vec<(String, bool)>,
}

/// One restriction: the field has one of the values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clause {
    pub(super) field: String,
    pub(super) values: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(char),
}

const MAX_LENGTH: usize = 10_000;
/// "`orderBy` clause can contain a maximum of 7 fields" (API page of `search/jql`).
const MAX_ORDER: usize = 7;

/// Parses a query. The error is the text for the answer.
pub(super) fn parse(text: &str) -> Result<Query, String> {
    if text.len() > MAX_LENGTH {
        return Err("Error in the JQL Query: the query is too long.".to_owned());
    }
    let tokens = split(text)?;
    let mut rest = tokens.as_slice();
    let mut query = Query::default();
    while !rest.is_empty() && !is_word(rest.first(), "order") {
        if !query.clauses.is_empty() {
            rest = expect_word(rest, "and")?;
        }
        let (clause, after) = clause(rest)?;
        query.clauses.push(clause);
        rest = after;
    }
    if !rest.is_empty() {
        rest = expect_word(expect_word(rest, "order")?, "by")?;
        query.order = order(rest)?;
    }
    if query.clauses.is_empty() {
        return Err(
            "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
                .to_owned(),
        );
    }
    Ok(query)
}

fn split(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&next) = chars.peek() {
        match next {
            ' ' | '\t' | '\n' | '\r' => drop(chars.next()),
            '=' | '(' | ')' | ',' => {
                tokens.push(Token::Sign(next));
                chars.next();
            }
            '"' | '\'' => {
                chars.next();
                let mut value = String::new();
                loop {
                    match chars.next() {
                        None => {
                            return Err("Error in the JQL Query: The quoted string has not been completed."
                                .to_owned());
                        }
                        Some(end) if end == next => break,
                        Some('\\') => match chars.next() {
                            Some(escaped @ ('"' | '\'' | '\\')) => value.push(escaped),
                            Some(other) => {
                                return Err(format!(
                                    "Error in the JQL Query: '\\{other}' is an illegal JQL escape sequence."
                                ));
                            }
                            None => return Err("Error in the JQL Query: '\\' at the end.".to_owned()),
                        },
                        Some(other) => value.push(other),
                    }
                }
                tokens.push(Token::Quoted(value));
            }
            _ if next.is_alphanumeric() || "_-.".contains(next) => {
                let mut word = String::new();
                while let Some(part) = chars.next_if(|part| part.is_alphanumeric() || "_-.".contains(*part)) {
                    word.push(part);
                }
                tokens.push(Token::Word(word));
            }
            other => {
                return Err(format!(
                    "Error in the JQL Query: The character '{other}' is a reserved JQL character, or an operator this server does not know."
                ));
            }
        }
    }
    Ok(tokens)
}

fn is_word(token: Option<&Token>, wanted: &str) -> bool {
    matches!(token, Some(Token::Word(word)) if word.eq_ignore_ascii_case(wanted))
}

fn expect_word<'a>(tokens: &'a [Token], wanted: &str) -> Result<&'a [Token], String> {
    match tokens.split_first() {
        Some((first, rest)) if is_word(Some(first), wanted) => Ok(rest),
        other => Err(unexpected(other.map(|(first, _)| first), &wanted.to_uppercase())),
    }
}

fn unexpected(found: Option<&Token>, wanted: &str) -> String {
    let found = match found {
        None => "the end".to_owned(),
        Some(Token::Word(text) | Token::Quoted(text)) => format!("'{text}'"),
        Some(Token::Sign(sign)) => format!("'{sign}'"),
    };
    format!("Error in the JQL Query: Expecting {wanted} but got {found}.")
}

fn value(token: &Token) -> Result<String, String> {
    match token {
        Token::Word(text)
            if ["and", "or", "not", "in", "order", "by", "empty", "null"]
                .iter()
                .any(|word| text.eq_ignore_ascii_case(word)) =>
        {
            Err(format!(
                "Error in the JQL Query: '{text}' is a reserved JQL word. You must surround it in quotation marks to use it in a query."
            ))
        }
        Token::Word(text) | Token::Quoted(text) => Ok(text.clone()),
        Token::Sign(_) => Err(unexpected(Some(token), "a value")),
    }
}

fn clause(tokens: &[Token]) -> Result<(Clause, &[Token]), String> {
    let (field, rest) = tokens.split_first().ok_or_else(|| unexpected(None, "a field name"))?;
    let field = value(field)?.to_lowercase();
    match rest {
        [Token::Sign('='), single, rest @ ..] => Ok((Clause { field, values: vec![value(single)?] }, rest)),
        [Token::Word(word), Token::Sign('('), rest @ ..] if word.eq_ignore_ascii_case("in") => {
            let mut values = Vec::new();
            let mut rest = rest;
            loop {
                let (item, after) = rest.split_first().ok_or_else(|| unexpected(None, "a value"))?;
                values.push(value(item)?);
                match after {
                    [Token::Sign(','), after @ ..] => rest = after,
                    [Token::Sign(')'), after @ ..] => return Ok((Clause { field, values }, after)),
                    other => return Err(unexpected(other.first(), "')'")),
                }
            }
        }
        other => Err(unexpected(other.first(), "operator '=' or 'in'")),
    }
}

fn order(mut rest: &[Token]) -> Result<Vec<(String, bool)>, String> {
    let mut fields = Vec::new();
    loop {
        let (field, after) = rest.split_first().ok_or_else(|| unexpected(None, "a field name"))?;
        let field = value(field)?.to_lowercase();
        let descends = is_word(after.first(), "desc");
        rest = if descends || is_word(after.first(), "asc") {
            after.get(1..).unwrap_or_default()
        } else {
            after
        };
        fields.push((field, descends));
        match rest {
            [] if fields.len() <= MAX_ORDER => return Ok(fields),
            [] => return Err(format!("Error in the JQL Query: at most {MAX_ORDER} fields in ORDER BY.")),
            [Token::Sign(','), after @ ..] => rest = after,
            other => return Err(unexpected(other.first(), "',' or the end")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_query_is_read_with_its_escapes() {
        let query = parse(r#"project = REL and labels = "a\"b\\" AND status in ("To Do", Closed) ORDER BY created DESC, key"#).unwrap();
        assert_eq!(query.clauses.len(), 3);
        assert_eq!(query.clauses[1].values, [r#"a"b\"#]);
        assert_eq!(query.clauses[2].values, ["To Do", "Closed"]);
        assert_eq!(query.order, [("created".to_owned(), true), ("key".to_owned(), false)]);
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for (text, part) in [
            ("", "Unbounded"),
            ("order by created", "Unbounded"),
            ("project = ", "operator"),
            ("project = \"REL", "not been completed"),
            ("project = REL labels = x", "Expecting AND"),
            ("project ~ REL", "reserved JQL character"),
            ("project = and", "reserved JQL word"),
            ("project = REL OR project = X", "Expecting AND"),
            (r#"labels = "\n""#, "illegal JQL escape"),
            ("labels in (a b)", "Expecting ')'"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains(part), "{text:?}: {problem}");
        }
    }
}
