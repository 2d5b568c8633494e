//! Ways around what is refused, each shut.

use std::os::unix::fs::symlink;

use landfall_run::Stop;

use super::{built, config, fifo, package, told, write};
use crate::package_artifacts::{Configuration, Symlinks, archive, contents};

#[tokio::test]
async fn links_that_lead_out_through_other_links_are_refused() {
    let folder = built(false);
    let service = folder.path().join("built/price-fetcher");
    symlink("..", service.join("lib/up")).expect("a link");
    symlink("lib/up", service.join("fine")).expect("a link");
    let mut config = config(folder.path(), &["price-fetcher"]);
    config.symlinks = Symlinks::Keep;
    package(&config).await.expect("a link to a link that stays in the archive");
    symlink("lib/up/../a.js", service.join("leak")).expect("a link");
    symlink("lib/up/lib/z.js", service.join("through")).expect("a link");
    symlink("index.js/..", service.join("file")).expect("a link");
    symlink("nowhere/../index.js", service.join("gone")).expect("a link");
    insta::assert_snapshot!(told(package(&config).await.expect_err("refused")), @r"
    LF-PACKAGE-LINK price-fetcher: the link `file` leads to `index.js/..`, which is not in the archive or is reached through another link
    LF-PACKAGE-LINK price-fetcher: the link `gone` leads to `nowhere/../index.js`, which is not in the archive or is reached through another link
    LF-PACKAGE-LINK price-fetcher: the link `leak` leads to `lib/up/../a.js`, which is not in the archive or is reached through another link
    LF-PACKAGE-LINK price-fetcher: the link `through` leads to `lib/up/lib/z.js`, which is not in the archive or is reached through another link
    ");
}

#[tokio::test]
async fn a_folder_that_is_a_link_itself_is_refused() {
    let folder = built(false);
    write(folder.path(), "config/real/settings.json", b"{}");
    symlink("price-fetcher", folder.path().join("built/linked")).expect("a link");
    symlink("real", folder.path().join("config/prod_eu00")).expect("a link");
    for symlinks in [Symlinks::Refuse, Symlinks::Keep] {
        let mut config = config(folder.path(), &["linked"]);
        config.symlinks = symlinks;
        // A slash at its end would have the system follow it.
        config.services.push(("other".parse().expect("a service"), folder.path().join("built/linked/")));
        config.configuration = Some(Configuration {
            environment: "prod_eu00".parse().expect("a name"),
            folder: folder.path().join("config/prod_eu00"),
            at: "config".to_owned(),
        });
        let text = told(package(&config).await.expect_err("refused"));
        insta::allow_duplicates! {
            insta::assert_snapshot!(text.replace(&folder.path().display().to_string(), "[folder]"), @r"
            LF-PACKAGE-LINK linked: [folder]/built/linked is a symbolic link
            LF-PACKAGE-LINK linked: [folder]/config/prod_eu00 is a symbolic link
            LF-PACKAGE-LINK other: [folder]/built/linked is a symbolic link
            LF-PACKAGE-LINK other: [folder]/config/prod_eu00 is a symbolic link
            ");
        }
    }
}

/// The build may still be at work.
#[test]
fn a_file_that_became_something_else_is_not_read() {
    let folder = built(false);
    let config = config(folder.path(), &["price-fetcher"]);
    let (service, built) = &config.services[0];
    let mut problems = Vec::new();
    let contents = contents::look(service, built, &config, &mut problems);
    assert!(problems.is_empty());
    let file = built.join("lib-b.js");
    let packed = || archive::pack(&contents, None, &Stop::new()).map(|packed| packed.files);
    assert_eq!(packed().ok(), Some(6));
    write(folder.path(), "outside", b"between");
    std::fs::remove_file(&file).expect("removed");
    symlink(folder.path().join("outside"), &file).expect("a link");
    let problem = packed().expect_err("it is a link now");
    assert_eq!(problem.code, "LF-PACKAGE-READ");
    std::fs::remove_file(&file).expect("removed");
    fifo(&file);
    let problem = packed().expect_err("it is a pipe now");
    assert_eq!(
        (problem.code.as_str(), problem.cause[0].as_str()),
        ("LF-PACKAGE-READ", "it is no file any more")
    );
}

#[tokio::test]
async fn nothing_stands_below_a_file() {
    let folder = built(false);
    write(folder.path(), "config/prod_eu00/settings.json", b"{}");
    let mut config = config(folder.path(), &["price-fetcher"]);
    config.symlinks = Symlinks::Keep;
    symlink("lib", folder.path().join("built/price-fetcher/lib-link")).expect("a link");
    for (at, below) in [("index.js", "index.js"), ("lib-link", "lib-link"), ("index.js/deep", "index.js")] {
        config.configuration = Some(Configuration {
            environment: "prod_eu00".parse().expect("a name"),
            folder: folder.path().join("config/prod_eu00"),
            at: at.to_owned(),
        });
        let text = told(package(&config).await.expect_err("refused"));
        assert_eq!(
            text,
            format!(
                "LF-PACKAGE-NAME price-fetcher: `{at}/settings.json` would stand below `{below}`, which is no folder"
            )
        );
    }
}

#[tokio::test]
async fn what_it_makes_is_not_packaged() {
    let folder = built(false);
    for (out, service) in [
        ("built/price-fetcher/dist", "built/price-fetcher"),
        ("built/price-fetcher", "built/price-fetcher"),
        ("built/price-fetcher", "built/price-fetcher/lib"),
        ("elsewhere/../built", "built/price-fetcher"),
    ] {
        let mut config = config(folder.path(), &["price-fetcher"]);
        config.out = folder.path().join(out);
        config.services[0].1 = folder.path().join(service);
        std::fs::create_dir_all(folder.path().join("elsewhere")).expect("a folder");
        let text = told(package(&config).await.expect_err("refused"));
        assert!(text.starts_with("LF-PACKAGE-OUT price-fetcher: "), "{out} {service}: {text}");
    }
    // Beside each other they are fine, whatever their names begin with.
    let mut config = config(folder.path(), &["price-fetcher"]);
    config.out = folder.path().join("built/price-fetcher-out");
    package(&config).await.expect("packaged");
}
