use std::path::Path;

use super::{Builder, CommandTemplate, Options, Step};
use crate::build_docker_images::{Image, images_of_versions};

fn image(version: Option<&str>, commit: Option<&str>) -> Image {
    let project = "orderService".parse().expect("a name");
    let version = version.map(|version| version.parse().expect("a version"));
    let registry = "art.example.com/build/shop".parse().expect("a repository");
    let projects = [(&project, "order-service", version.as_ref())];
    let images =
        images_of_versions(projects, Path::new("functions"), commit, Some(&registry)).expect("images");
    images.into_iter().next().expect("one")
}

fn shown(builder: &Builder) -> String {
    let steps = builder.steps(&image(Some("1.4.2+build.7"), None), Path::new("/repo"));
    steps.iter().map(Step::shown).collect::<Vec<_>>().join("\n")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn builders_are_called_as_people_call_them() {
    insta::assert_snapshot!(shown(&Builder::Nx), @r"
    TAG=1.4.2_build.7 yarn nx run orderService:docker --configuration=production
    TAG=1.4.2_build.7 yarn nx run orderService:docker-push
    ");
    let options = Options {
        context: Some(".".to_owned()),
        build: words(&["--isolation", "chroot"]),
        push: words(&["--tls-verify=false"]),
    };
    insta::assert_snapshot!(shown(&Builder::Buildah(options)), @r"
    TAG=1.4.2_build.7 buildah build --isolation chroot --tag art.example.com/build/shop/orderService:1.4.2_build.7 --file /repo/functions/order-service/Dockerfile /repo/.
    TAG=1.4.2_build.7 buildah push --tls-verify=false art.example.com/build/shop/orderService:1.4.2_build.7 docker://art.example.com/build/shop/orderService:1.4.2_build.7
    ");
    insta::assert_snapshot!(shown(&Builder::Docker(Options::default())), @r"
    TAG=1.4.2_build.7 docker build --tag art.example.com/build/shop/orderService:1.4.2_build.7 --file /repo/functions/order-service/Dockerfile /repo/functions/order-service
    TAG=1.4.2_build.7 docker push art.example.com/build/shop/orderService:1.4.2_build.7
    ");
    let own = Builder::Command {
        build: CommandTemplate(words(&["make", "-C", "{folder}", "image={image}", "{project}-{tag}"])),
        push: None,
    };
    insta::assert_snapshot!(shown(&own), @"TAG=1.4.2_build.7 make -C functions/order-service image=art.example.com/build/shop/orderService:1.4.2_build.7 orderService-1.4.2_build.7");
    assert!(own.needs_target() && !Builder::Nx.needs_target());
}

#[test]
fn the_tag_is_the_version_else_the_commit_else_latest() {
    let tag = |version, commit| image(version, commit).tag.to_string();
    assert_eq!(tag(Some("1.4.2"), Some("0a1b2c3")), "1.4.2");
    assert_eq!(tag(None, Some("0a1b2c3")), "0a1b2c3");
    assert_eq!(tag(None, None), "latest");
    let project = "orderService".parse().expect("a name");
    let refused = images_of_versions([(&project, "f", None)], Path::new("functions"), Some("-x y"), None);
    assert_eq!(refused.expect_err("no tag").0[0].code, "LF-BUILD-NAME");
}
