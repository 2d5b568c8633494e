//! Roles, secret ids, tokens: who may log in and what is still alive.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::reply::{Refusal, uuid};

/// How often a secret id may be used (`secret_id_num_uses`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretUses {
    /// No bound.
    Unlimited,
    /// So many logins; then the secret id is gone.
    Times(u32),
}

/// The two kinds of token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenKind {
    /// Kept by the server; can be revoked.
    #[default]
    Service,
    /// Not kept by the server: no accessor, cannot be revoked.
    Batch,
}

/// A role of the AppRole method.
#[derive(Clone, Debug)]
pub struct AppRole {
    /// The role's identifier, half of the login.
    pub role_id: String,
    /// Name, as in `metadata.role_name`.
    pub name: String,
    /// Policies of its tokens, beside `default`.
    pub policies: Vec<String>,
    /// Names of the roles of the AWS engine that its tokens may read.
    pub aws_roles: Vec<String>,
    /// How long its tokens live.
    pub token_ttl: Duration,
    /// Kind of its tokens.
    pub token_kind: TokenKind,
}

#[derive(Clone, Debug)]
pub(super) struct SecretId {
    pub(super) secret: String,
    pub(super) role_id: String,
    pub(super) uses: SecretUses,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) role: AppRole,
    pub(super) accessor: String,
    pub(super) entity: String,
    born: Instant,
    revoked: bool,
    /// Mount of the method that made it.
    mount: String,
}

impl Token {
    pub(super) fn left(&self) -> Duration {
        self.role.token_ttl.saturating_sub(self.born.elapsed())
    }

    fn alive(&self) -> bool {
        !self.revoked && !self.left().is_zero()
    }

    fn policies(&self) -> Vec<&str> {
        std::iter::once("default").chain(self.role.policies.iter().map(String::as_str)).collect()
    }

    fn kind(&self) -> &'static str {
        match self.role.token_kind {
            TokenKind::Service => "service",
            TokenKind::Batch => "batch",
        }
    }

    /// The `auth` block of a login.
    pub(super) fn auth_json(&self, token: &str) -> Value {
        json!({
            "client_token": token, "accessor": self.accessor, "policies": self.policies(), "token_policies": self.policies(),
            "metadata": {"role_name": self.role.name}, "lease_duration": self.role.token_ttl.as_secs(),
            "renewable": self.role.token_kind == TokenKind::Service, "entity_id": self.entity, "token_type": self.kind(), "orphan": true,
            "mfa_requirement": null, "num_uses": 0
        })
    }

    /// `data` of `auth/token/lookup-self`.
    pub(super) fn lookup_json(&self, token: &str) -> Value {
        json!({
            "id": token, "accessor": self.accessor, "creation_ttl": self.role.token_ttl.as_secs(), "ttl": self.left().as_secs(),
            "display_name": self.mount.replace('/', "-"), "entity_id": self.entity, "explicit_max_ttl": 0, "meta": {"role_name": self.role.name},
            "num_uses": 0, "orphan": true, "path": format!("auth/{}/login", self.mount), "policies": self.policies(),
            "renewable": self.role.token_kind == TokenKind::Service, "type": self.kind()
        })
    }
}

/// What a wrapping token holds, and where it was made.
#[derive(Clone, Debug)]
pub(super) struct Wrapped {
    pub(super) creation_path: String,
    pub(super) data: Value,
}

/// Everything the server remembers of logins.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) roles: Vec<AppRole>,
    pub(super) secrets: Vec<SecretId>,
    by_value: HashMap<String, Token>,
    /// By wrapping token; taken out by the one unwrap.
    pub(super) wrapped: HashMap<String, Wrapped>,
    /// Every wrapping token and secret id that ever was: those that are used up are still to be kept to oneself.
    given_out: Vec<String>,
    pub(super) logins: u64,
}

impl Tokens {
    /// Logs in and uses up one use of the secret id. Wrong role and wrong secret get the same text on purpose (Vault source, approle).
    pub(super) fn login(
        &mut self,
        role_id: &str,
        secret_id: &str,
        mount: &str,
    ) -> Result<(String, Token), Refusal> {
        let role = self.app_role(role_id, secret_id);
        self.make(role, mount)
    }

    /// The role of a login, whose secret id is used up by one use.
    fn app_role(&mut self, role_id: &str, secret_id: &str) -> Result<AppRole, Refusal> {
        let wrong = || Refusal::bad("invalid role or secret ID");
        let role = self.roles.iter().find(|role| role.role_id == role_id).ok_or_else(wrong)?.clone();
        let at = self
            .secrets
            .iter()
            .position(|secret| secret.secret == secret_id && secret.role_id == role_id)
            .ok_or_else(wrong)?;
        match self.secrets.get_mut(at).map(|secret| &mut secret.uses) {
            Some(SecretUses::Times(left)) if *left > 1 => *left -= 1,
            Some(SecretUses::Times(_)) => drop(self.secrets.remove(at)),
            Some(SecretUses::Unlimited) | None => {}
        }
        Ok(role)
    }

    /// A new token for a login that was taken; every login counts.
    pub(super) fn make(
        &mut self,
        role: Result<AppRole, Refusal>,
        mount: &str,
    ) -> Result<(String, Token), Refusal> {
        self.logins += 1;
        let role = role?;
        let prefix = if role.token_kind == TokenKind::Batch { "hvb" } else { "hvs" };
        let value = format!("{prefix}.{}{}", random_text(48), random_text(42));
        let accessor = if role.token_kind == TokenKind::Batch { String::new() } else { random_text(24) };
        let token = Token {
            role,
            accessor,
            entity: uuid(),
            born: Instant::now(),
            revoked: false,
            mount: mount.to_owned(),
        };
        self.by_value.insert(value.clone(), token.clone());
        Ok((value, token))
    }

    /// A live token.
    pub(super) fn get(&self, token: &str) -> Result<&Token, Refusal> {
        self.by_value.get(token).filter(|token| token.alive()).ok_or_else(Refusal::no_token)
    }

    pub(super) fn revoke(&mut self, token: &str) -> Result<(), Refusal> {
        let token =
            self.by_value.get_mut(token).filter(|token| token.alive()).ok_or_else(Refusal::no_token)?;
        if token.role.token_kind == TokenKind::Batch {
            return Err(Refusal::bad("batch tokens cannot be revoked"));
        }
        token.revoked = true;
        Ok(())
    }

    /// Adds a secret id.
    pub(super) fn add_secret(&mut self, secret: SecretId) {
        self.given_out.push(secret.secret.clone());
        self.secrets.push(secret);
    }

    /// Keeps what a wrapping token holds.
    pub(super) fn wrap(&mut self, token: &str, wrapped: Wrapped) {
        self.given_out.push(token.to_owned());
        self.wrapped.insert(token.to_owned(), wrapped);
    }

    /// Every token, wrapping token and secret id that ever was.
    pub(super) fn every_secret(&self) -> Vec<String> {
        self.by_value.keys().chain(&self.given_out).cloned().collect()
    }

    /// Values of the tokens that still work.
    pub(super) fn live(&self) -> Vec<String> {
        self.by_value.iter().filter(|(_, token)| token.alive()).map(|(value, _)| value.clone()).collect()
    }
}

pub(super) fn random_text(length: usize) -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(length).collect()
}
