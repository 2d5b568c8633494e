//! What must hold after every run, whatever went wrong in it.

use std::collections::BTreeMap;

use http::Method;
use landfall_registry::CopyOutcome;
use landfall_sandbox::registry::digest_of;
use landfall_sandbox::{Entry, Service};

use crate::scene::{Ended, Scene, is_done, samples};

/// Headers of a request to a host that must not know who asks.
const ANONYMOUS: [&str; 5] = ["host", "accept", "accept-encoding", "range", "user-agent"];

/// What is wrong with the tags of the target: each names its image, with all content, or is not there.
pub(crate) fn wrong_tags(scene: &Scene) -> Vec<String> {
    let (registry, repository) = (&scene.sandbox.ecr_registry, scene.repository());
    let mut wrong = Vec::new();
    for (tag, digest) in registry.tags(repository) {
        let Some(sample) = samples().iter().find(|sample| sample.tag() == tag) else {
            wrong.push(format!("a tag {tag} that nobody asked for"));
            continue;
        };
        let image = sample.image();
        if digest != image.digest() || registry.manifest(repository, &tag).as_ref() != Some(&image.manifest) {
            wrong.push(format!("{tag} names {digest}, which is another image"));
        }
        for blob in image.blobs() {
            let name = digest_of(blob);
            if registry.blob(repository, &name).as_ref() != Some(blob) {
                wrong.push(format!("{tag} is there, and its {name} is not, or differs"));
            }
        }
    }
    wrong
}

/// Images that are said to be there and are not.
pub(crate) fn untrue(scene: &Scene, ended: &Ended) -> Vec<String> {
    let there = scene.sandbox.ecr_registry.tags(scene.repository());
    let said = ended.outcomes.iter().filter(|(tag, outcome)| is_done(**outcome) && !there.contains_key(*tag));
    said.map(|(tag, outcome)| format!("{tag} is said to be {outcome:?}, and is not there")).collect()
}

/// Images that are said not to have been copied and are there.
pub(crate) fn denied(scene: &Scene, ended: &Ended) -> Vec<String> {
    let there = scene.sandbox.ecr_registry.tags(scene.repository());
    let denies = |outcome| matches!(outcome, CopyOutcome::Failed | CopyOutcome::NotTried);
    let said = ended.outcomes.iter().filter(|(tag, outcome)| denies(**outcome) && there.contains_key(*tag));
    said.map(|(tag, outcome)| format!("{tag} is said to be {outcome:?}, and is there")).collect()
}

/// What was told to somebody who must not know it. A foreign host may be asked for a blob, where `is_led_away`.
pub(crate) fn indiscretions(scene: &Scene, is_led_away: bool) -> Vec<String> {
    let (source, target) = (scene.source_login(), scene.target_login());
    let is_discreet = |entry: &Entry| match entry.service {
        // Tokens are its own, spoilt ones too.
        Service::Artifactory => {
            entry.authorization().is_none_or(|carried| carried == source || carried.starts_with("Bearer "))
        }
        Service::EcrRegistry => entry.authorization().is_none_or(|carried| carried == target),
        Service::Storage => is_anonymous(entry),
        Service::Foreign => is_led_away && is_anonymous(entry),
        Service::PlainRegistry
        | Service::Vault
        | Service::Sts
        | Service::EcrApi
        | Service::Lambda
        | Service::S3
        | Service::Jira
        | Service::GitLab
        | Service::ActionsOidc => false,
    };
    let entries = scene.sandbox.journal().entries();
    entries.iter().filter(|entry| !is_discreet(entry)).map(|entry| format!("{entry} should not be")).collect()
}

fn is_anonymous(entry: &Entry) -> bool {
    entry.method == Method::GET && entry.header_names().all(|name| ANONYMOUS.contains(&name))
}

/// Problems that show a secret.
pub(crate) fn leaks(scene: &Scene, ended: &Ended) -> Vec<String> {
    let mut secrets = scene.sandbox.artifactory.bearer_tokens();
    secrets.push(scene.sandbox.artifactory_access().password.clone());
    secrets.extend([scene.source_login(), scene.target_login()].map(|login| login.replace("Basic ", "")));
    secrets.extend(scene.sandbox.ecr_tokens.secrets());
    let is_leak = |text: &String| secrets.iter().any(|secret| text.contains(secret.as_str()));
    let told = ended.problems.iter().map(|(_, problem)| format!("{problem:?}"));
    told.filter(is_leak).map(|_| "a problem tells a secret".to_owned()).collect()
}

/// Requests so far that change something.
pub(crate) fn writes(scene: &Scene) -> usize {
    let reads = |entry: &Entry| entry.method == Method::GET || entry.method == Method::HEAD;
    scene.sandbox.journal().entries().iter().filter(|entry| !reads(entry)).count()
}

/// How often the bytes of each blob were begun to be sent, by digest.
pub(crate) fn pushes(scene: &Scene) -> BTreeMap<String, u64> {
    let mut pushes = BTreeMap::new();
    for entry in scene.sandbox.journal().matching(&Method::PUT, "digest=") {
        let digest = entry.target.rsplit("digest=").next().unwrap_or_default().replace("%3A", ":");
        *pushes.entry(digest).or_default() += 1;
    }
    pushes
}

/// Blobs that the target took more than once.
pub(crate) fn taken_twice(scene: &Scene) -> Vec<String> {
    let mut taken = BTreeMap::new();
    for (_, digest) in scene.sandbox.ecr_registry.uploaded() {
        *taken.entry(digest).or_insert(0) += 1;
    }
    taken.retain(|_, times| *times > 1);
    taken.into_iter().map(|(digest, times)| format!("{digest} was uploaded whole {times} times")).collect()
}

#[cfg(test)]
mod tests {
    use landfall_run::Run;
    use landfall_sandbox::Service;
    use landfall_sandbox::images::function_image;
    use landfall_secret::{Credential, CredentialKind, Origin, Secret};
    use landfall_transport::{Cap, Http};

    use super::{indiscretions, untrue, wrong_tags};
    use crate::pace::paced;
    use crate::scene::{Downloads, Scene, samples};
    use crate::tally::on_a_clock;

    #[test]
    fn a_planted_image_is_seen() {
        on_a_clock(async |http| {
            let scene = Scene::new(&http, Downloads::Direct).await;
            let ended = scene.copy().await.expect("it ends");
            assert!(ended.says_done());
            assert_eq!((wrong_tags(&scene), untrue(&scene, &ended)), (Vec::new(), Vec::new()));
            let other = function_image("other", "1.0.0", "amd64", 100);
            let target = &scene.sandbox.ecr_registry;
            target.put_image(scene.repository(), &samples()[1].tag(), &other);
            target.put_image(scene.repository(), "unasked", &other);
            let wrong = wrong_tags(&scene);
            assert!(wrong.len() == 2 && wrong[0].contains("another image") && wrong[1].contains("unasked"));
            target.remove_tag(scene.repository(), &samples()[0].tag());
            assert_eq!(untrue(&scene, &ended).len(), 1);
        });
    }

    #[test]
    fn a_planted_indiscretion_is_seen() {
        on_a_clock(async |http| {
            let scene = Scene::new(&http, Downloads::Redirected).await;
            assert!(scene.copy().await.expect("it ends").says_done());
            assert_eq!(indiscretions(&scene, false), Vec::<String>::new());
            ask(&http, &scene.sandbox.url(Service::Foreign), None).await;
            assert_eq!((indiscretions(&scene, false).len(), indiscretions(&scene, true).len()), (1, 0));
            let basic = |user: &str, password: &str| CredentialKind::Basic {
                user: user.to_owned(),
                password: Secret::new(password),
            };
            let access = scene.sandbox.artifactory_access();
            let source = basic(&access.user, &access.password);
            for (told, service) in
                [Service::Foreign, Service::Storage, Service::EcrRegistry].into_iter().enumerate()
            {
                ask(&http, &scene.sandbox.url(service), Some(source.clone())).await;
                assert_eq!(indiscretions(&scene, true).len(), told + 1, "{service:?}");
            }
            ask(&http, &scene.sandbox.url(Service::Artifactory), Some(basic("AWS", "x"))).await;
            assert_eq!(indiscretions(&scene, true).len(), 4);
        });
    }

    async fn ask(http: &Http, address: &str, credential: Option<CredentialKind>) {
        let origin = Origin::parse(address).expect("an address");
        let credential = credential.map(|kind| Credential::new(origin, kind));
        let (site, run) = (http.site("test", address, credential).expect("loopback"), Run::builder().build());
        let answer = paced(site.get("/v2/").send(&run, Cap::JSON), || 0).await.expect("it ends");
        answer.expect("an answer");
    }
}
