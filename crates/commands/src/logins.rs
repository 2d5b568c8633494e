//! Where stages look for logins at registries, and in which order.

use std::path::{Path, PathBuf};

use landfall_artifacts::{DockerConfig, Problem};
use landfall_cli::{Opt, Source};
use landfall_registry::{Helpers, LoginChain, LoginSource};
use landfall_run::Event;
use landfall_secret::Secret;
use landfall_stages::Refusal;

use crate::Context;

/// The variable of logins, which GitLab's runners read too.
const VARIABLE: &str = "DOCKER_AUTH_CONFIG";

/// Its option: secret, where it is the text itself.
pub(crate) const DOCKER_AUTH_CONFIG: Opt = Opt::secret(
    "docker-auth-config",
    &[VARIABLE],
    "further logins, as Docker's config.json or the path of such a file",
);

/// The options of every stage that speaks to registries.
pub(crate) const OPTIONS: [Opt; 2] = [
    Opt::value(
        "docker-config",
        "FILE",
        "logins at registries; prepare-docker-config --explain shows all places",
    )
    .default(DockerConfig::FILE_NAME),
    DOCKER_AUTH_CONFIG,
];

/// A source, and whether the stage refuses to begin where it cannot be read: what the pipeline hands over must be good, what is
/// on the machine matters where a login is looked for there.
struct Place {
    source: LoginSource,
    is_handed_over: bool,
}

/// The chain of a stage: the file that `--docker-config` names, the one that `prepare-docker-config` leaves,
/// `DOCKER_AUTH_CONFIG`, Docker's own configuration, and Podman's. The run's redactor knows every secret of them.
///
/// # Errors
/// A file that was named and is not there; what was handed over and breaks its format.
pub(crate) fn chain(context: &Context) -> Result<LoginChain, Refusal> {
    let places = places(context);
    let refused: Vec<Problem> = places
        .iter()
        .filter(|place| place.is_handed_over)
        .filter_map(|place| Some(Problem::of(place.source.problem()?)))
        .collect();
    if !refused.is_empty() {
        return Err(Refusal(refused));
    }
    let missing = |place: &&Place| place.is_handed_over && place.source.config().is_none();
    if let Some(place) = places.iter().find(missing) {
        let what = format!("{} is not there: logins are looked for elsewhere", place.source.name());
        context.run().progress().event(Event::Note(what));
    }
    Ok(of_places(context, places))
}

/// The same chain for people to look at, with what cannot be read in it.
pub(crate) fn chain_as_it_is(context: &Context) -> LoginChain {
    of_places(context, places(context))
}

/// Whether the value of a secret option is taught when it is read: a path is no secret, and of the text of a configuration
/// every line would be taught, braces too.
pub(crate) fn is_taught_later(option: &Opt, value: &Secret) -> bool {
    let text = value.expose().trim_start();
    option.name == DOCKER_AUTH_CONFIG.name
        && (text.starts_with('{') || DockerConfig::file_of_variable(text).is_some())
}

fn of_places(context: &Context, places: Vec<Place>) -> LoginChain {
    let environment = context.environment();
    let variables = environment
        .names_with_prefix("")
        .filter_map(|name| Some((name.to_owned(), environment.get(name)?.to_owned())));
    let chain = LoginChain::new(places.into_iter().map(|place| place.source), Helpers::new(variables));
    chain.teach(context.run().redactor());
    chain
}

fn places(context: &Context) -> Vec<Place> {
    let handed_over = |source| Place { source, is_handed_over: true };
    let of_machine = |source| Place { source, is_handed_over: false };
    let mut places = Vec::new();
    let (values, environment) = (context.values(), context.environment());
    let named = values.sourced("docker-config").filter(|(_, from)| *from != Source::Default);
    let named = named.map(|(path, _)| path);
    if let Some(path) = named.as_ref().filter(|path| *path != DockerConfig::FILE_NAME) {
        places.push(handed_over(read(format!("--docker-config {}", shown(path)), Path::new(path))));
    }
    let usual = Path::new(DockerConfig::FILE_NAME);
    let must_be = named.is_some_and(|path| path == DockerConfig::FILE_NAME);
    places.push(handed_over(if must_be || usual.exists() {
        read(DockerConfig::FILE_NAME.to_owned(), usual)
    } else {
        LoginSource::missing(DockerConfig::FILE_NAME)
    }));
    if let Some(value) = values.secret(DOCKER_AUTH_CONFIG.name) {
        let name = match DockerConfig::file_of_variable(value.expose()) {
            Some(path) => format!("{VARIABLE} (the file {})", shown(&path.to_string_lossy())),
            None => VARIABLE.to_owned(),
        };
        places.push(handed_over(match DockerConfig::of_variable(value.expose(), VARIABLE) {
            Ok(config) => LoginSource::of(name, config),
            Err(cause) => LoginSource::unreadable(name, cause),
        }));
    }
    let of_variable = |variable: &str, below: &str| {
        let path = PathBuf::from(environment.get(variable)?).join(below);
        Some((format!("{variable} (the file {})", shown(&path.to_string_lossy())), path))
    };
    let of_home = || {
        let path = PathBuf::from(environment.get("HOME")?).join(".docker/config.json");
        Some(("~/.docker/config.json".to_owned(), path))
    };
    let docker = of_variable("DOCKER_CONFIG", "config.json").or_else(of_home);
    let podman = of_variable("XDG_RUNTIME_DIR", "containers/auth.json");
    for (name, path) in docker.into_iter().chain(podman) {
        places.push(of_machine(LoginSource::file(name, &path)));
    }
    places
}

/// A file that must be there.
fn read(name: String, path: &Path) -> LoginSource {
    match DockerConfig::read(path) {
        Ok(config) => LoginSource::of(name, config),
        Err(cause) => LoginSource::unreadable(name, cause),
    }
}

fn shown(path: &str) -> String {
    landfall_secret::escape(path, 200)
}
