//! Instructions on a ticket: a section that is kept up to date among what people write.

use landfall_artifacts::TicketKey;
use landfall_run::{Effect, Run};
use landfall_transport::{Cap, Method};
use serde_json::json;

use crate::adf::Doc;
use crate::config::same_name;
use crate::exchange::{intend, settle};
use crate::section::{Merged, merge};
use crate::wire::Field;
use crate::{Error, Instructions, Jira};

/// How often reading, merging and writing is done when others write meanwhile.
const TRIES: usize = 3;

/// A site may have thousands of fields.
const FIELDS: Cap = Cap::of(8 << 20, "list of fields");

/// What became of instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructed {
    /// They were written.
    Updated,
    /// They stood there as they should.
    Unchanged,
}

impl Jira {
    /// Puts instructions into the marked section of the place that the configuration names. What people wrote outside of
    /// the section stays as it is; where the section stands there already, nothing is written.
    ///
    /// # Errors
    /// [`Error::Marks`] where the section's first or last line is missing or doubled; [`Error::Field`] where the configured
    /// field is none that takes them; [`Error::NotShown`] where others write over it again and again.
    pub async fn update_instructions(
        &self,
        run: &Run,
        ticket: &TicketKey,
        doc: &Doc,
    ) -> Result<Instructed, Error> {
        let field = match &self.config.instructions {
            Instructions::Section => "description".to_owned(),
            Instructions::Field(named) => self.paragraph_field(run, named).await?,
        };
        let mut written = false;
        let mut lost = None;
        for _ in 0..TRIES {
            let issue = match self.issue(run, ticket.as_str(), &field).await {
                Ok(issue) => issue,
                // What was written and cannot be read back is not known to be there.
                Err(error) if written => {
                    let doing = format!("write instructions to {ticket}");
                    return Err(Error::LostWrite { doing, cause: lost.unwrap_or(error).into() });
                }
                Err(error) => return Err(error),
            };
            let merged = merge(issue.fields.get(&field), doc);
            let changed = match merged {
                Ok(Merged::Unchanged) if written => return Ok(Instructed::Updated),
                Ok(Merged::Unchanged) => return Ok(Instructed::Unchanged),
                Ok(Merged::Changed(value)) => value,
                Err(what) => return Err(Error::Marks { ticket: ticket.to_string(), place: field, what }),
            };
            let doing = format!("write instructions to {ticket}");
            let effect = Effect {
                action: "edit ticket".to_owned(),
                target: format!("{ticket} {field}"),
                environment: None,
                release: None,
                details: Vec::new(),
                items: Vec::new(),
            };
            let intent = intend(run, effect, &doing).await?;
            let body = json!({ "fields": { field.as_str(): changed } });
            // Not repeated blindly: a person may have written between the two.
            let path = format!("/rest/api/3/issue/{ticket}");
            let request =
                self.writing(run, ticket.as_str()).request(Method::PUT, &path).json(&body).never_repeated();
            let result = self.ask(run, request, Cap::JSON, &doing).await.map(drop);
            settle(run, intent, &result).await;
            match result {
                Ok(()) => written = true,
                // What was written, or not, is read back by the next round.
                Err(error) if error.leaves_unknown() => {
                    written = true;
                    lost = Some(error);
                }
                Err(Error::Refused { status: 409, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let issue = self.issue(run, ticket.as_str(), &field).await?;
        match merge(issue.fields.get(&field), doc) {
            Ok(Merged::Unchanged) => Ok(Instructed::Updated),
            Ok(Merged::Changed(_)) | Err(_) => {
                Err(Error::NotShown { ticket: ticket.to_string(), place: field })
            }
        }
    }

    /// The id of a paragraph field that was configured by id or name.
    async fn paragraph_field(&self, run: &Run, named: &str) -> Result<String, Error> {
        let refused = |what: String| Error::Field { field: landfall_secret::escape(named, 120), what };
        let doing = "list the fields".to_owned();
        let answer = self.ask(run, self.site.get("/rest/api/3/field"), FIELDS, &doing).await?;
        let fields: Vec<Field> = answer.json().map_err(|cause| Error::Http { doing, cause: cause.into() })?;
        let by_id = fields.iter().find(|field| field.id == named);
        let mut by_name = fields.iter().filter(|field| same_name(&field.name, named));
        let field = match (by_id, by_name.next(), by_name.next()) {
            (Some(field), _, _) | (None, Some(field), None) => field,
            (None, Some(one), Some(other)) => {
                let (one, other) =
                    (landfall_secret::escape(&one.id, 40), landfall_secret::escape(&other.id, 40));
                return Err(refused(format!("several fields have that name, such as {one} and {other}")));
            }
            (None, None, _) => return Err(refused("the site has no field of that id or name".to_owned())),
        };
        if !field.schema.custom.ends_with(":textarea") && field.schema.system != "description" {
            let kind = if field.schema.custom.is_empty() { &field.schema.kind } else { &field.schema.custom };
            return Err(refused(format!("its type is {}", landfall_secret::escape(kind, 120))));
        }
        let plain = field.id.len() <= 60 && field.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if plain { Ok(field.id.clone()) } else { Err(refused("its id is not one".to_owned())) }
    }
}
