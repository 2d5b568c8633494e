//! A small Lambda: functions of images whose updates take a number of looks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use landfall_artifacts::{Digest, PinnedReference};
use serde_json::{Value, json};

/// What happens to one UpdateFunctionCode instead of the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is made, and answered with 500.
    MadeThenFails,
    /// It is not made, and answered with 500.
    FailsUnmade,
    /// It is made, and never answered.
    MadeThenSilent,
    /// Somebody else's update of this content begins first.
    Overtaken(&'static str),
    /// The revision changes first, and nothing else.
    Touched,
    /// Another image than the one that was sent is put in place.
    Swapped,
    /// It is refused with 400 and this text.
    Refused(&'static str),
}

#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) live: PinnedReference,
    pub(crate) pending: Option<(PinnedReference, u32)>,
    pub(crate) revision: u64,
    pub(crate) failed: Option<(&'static str, &'static str)>,
    /// How the coming updates fail.
    pub(crate) fails_with: Option<(&'static str, &'static str)>,
    /// Looks that an update takes.
    pub(crate) looks: u32,
    pub(crate) updates: Vec<Value>,
    pub(crate) faults: VecDeque<Fault>,
}

#[derive(Clone, Default)]
pub(crate) struct Lambda(pub(crate) Arc<Mutex<BTreeMap<String, Function>>>);

pub(crate) fn image(content: &str) -> PinnedReference {
    format!("127.0.0.1:5000/app@{}", Digest::of(content.as_bytes())).parse().expect("a reference")
}

impl Lambda {
    /// Functions that run `old`, whose updates take two looks.
    pub(crate) fn with(names: &[&str]) -> Self {
        let function = || Function {
            live: image("old"),
            pending: None,
            revision: 1,
            failed: None,
            fails_with: None,
            looks: 2,
            updates: Vec::new(),
            faults: VecDeque::new(),
        };
        Self(Arc::new(Mutex::new(names.iter().map(|name| ((*name).to_owned(), function())).collect())))
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Function)) {
        change(self.0.lock().expect("not poisoned").get_mut(name).expect("a function"));
    }

    pub(crate) fn sent(&self, name: &str) -> usize {
        self.0.lock().expect("not poisoned").get(name).map_or(0, |function| function.updates.len())
    }

    pub(crate) fn runs(&self, name: &str) -> PinnedReference {
        self.0.lock().expect("not poisoned").get(name).expect("a function").live.clone()
    }

    pub(crate) async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let app = Router::new()
            .route("/2015-03-31/functions/{name}", get(read))
            .route("/2015-03-31/functions/{name}/code", put(update))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}")
    }
}

impl Function {
    fn look(&mut self) {
        match &mut self.pending {
            Some((_, looks)) if *looks > 0 => *looks -= 1,
            Some((image, _)) => {
                if self.fails_with.is_some() {
                    self.failed = self.fails_with;
                } else {
                    self.live = image.clone();
                    self.failed = None;
                }
                self.pending = None;
            }
            None => {}
        }
    }

    fn configuration(&self) -> Value {
        let mut shown = json!({"PackageType": "Image", "Architectures": ["x86_64"], "Version": "$LATEST", "State": "Active",
            "CodeSha256": self.live.digest().hex(), "RevisionId": format!("r{}", self.revision),
            "LastUpdateStatus": "Successful"});
        if self.pending.is_some() {
            shown["LastUpdateStatus"] = json!("InProgress");
        } else if let Some((code, text)) = self.failed {
            shown["LastUpdateStatus"] = json!("Failed");
            shown["LastUpdateStatusReasonCode"] = json!(code);
            shown["LastUpdateStatusReason"] = json!(text);
        }
        shown
    }
}

fn refusal(status: u16, kind: &'static str, text: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let body = json!({"Type": "User", "message": text, "Message": text}).to_string();
    (status, [("x-amzn-errortype", kind), (header::CONTENT_TYPE.as_str(), "application/json")], body)
        .into_response()
}

async fn read(State(lambda): State<Lambda>, Path(name): Path<String>) -> Response {
    let mut functions = lambda.0.lock().expect("not poisoned");
    let Some(function) = functions.get_mut(&name) else {
        return refusal(404, "ResourceNotFoundException", "Function not found");
    };
    function.look();
    let code = json!({"RepositoryType": "ECR", "ImageUri": function.live.to_string(), "ResolvedImageUri": function.live.to_string()});
    axum::Json(json!({"Configuration": function.configuration(), "Code": code})).into_response()
}

async fn update(State(lambda): State<Lambda>, Path(name): Path<String>, body: String) -> Response {
    let silent = {
        let mut functions = lambda.0.lock().expect("not poisoned");
        let Some(function) = functions.get_mut(&name) else {
            return refusal(404, "ResourceNotFoundException", "Function not found");
        };
        let body: Value = serde_json::from_str(&body).expect("JSON");
        function.updates.push(body.clone());
        let fault = function.faults.pop_front();
        match fault {
            Some(Fault::FailsUnmade) => return refusal(500, "ServiceException", "no"),
            Some(Fault::Refused(text)) => return refusal(400, "InvalidParameterValueException", text),
            Some(Fault::Touched) => function.revision += 1,
            Some(Fault::Overtaken(content)) => {
                function.pending = Some((image(content), 1));
                function.revision += 1;
            }
            Some(Fault::MadeThenFails | Fault::MadeThenSilent | Fault::Swapped) | None => {}
        }
        if function.pending.is_some() {
            return refusal(409, "ResourceConflictException", "An update is in progress for resource");
        }
        if body["RevisionId"] != json!(format!("r{}", function.revision)) {
            return refusal(412, "PreconditionFailedException", "The Revision Id provided does not match");
        }
        let sent = body["ImageUri"].as_str().and_then(|uri| uri.parse().ok()).expect("an image by digest");
        let put = if fault == Some(Fault::Swapped) { image("swapped") } else { sent };
        function.pending = Some((put, function.looks));
        function.revision += 1;
        match fault {
            Some(Fault::MadeThenFails) => return refusal(500, "ServiceException", "no"),
            Some(Fault::MadeThenSilent) => true,
            _ => return axum::Json(function.configuration()).into_response(),
        }
    };
    if silent {
        std::future::pending::<()>().await;
    }
    StatusCode::OK.into_response()
}
