//! `merge-configs`: configuration for one environment, by our merge and by the repo's own program.

use landfall_cli::exit;

use crate::bad_input::refused;
use crate::snapshot::page;
use crate::world::World;

async fn world(settings: &str) -> World {
    let mut world = World::small().await;
    world.set("PLATFORM", "ios");
    let settings =
        world.read("landfall.toml") + "\n[configs]\nplatforms = [\"ios\", \"android\"]\n" + settings;
    world.write("landfall.toml", &settings);
    world.write("configs/app.json", "{\n  \"name\": \"app\",\n  \"rate\": 1.50,\n  \"hosts\": [\"a\"]\n}\n");
    world.write("configs/app.stg_eu00.json", "{\"rate\": 2e0, \"hosts\": [\"b\"]}\n");
    world.write("configs/app.prod_eu00.json", "{\"rate\": 9}\n");
    world.write("configs/overlays/ios/pay/pay.yaml", "port: 0x1F90\n");
    world.write("configs/overlays/eu/pay/pay.yaml", "norway: no\n");
    world.write("configs/pay/v1.2.0/pay.yaml", "# base\nport: 80\nname: pay by 1.2.0\n");
    world.write("configs/pay/v1.10.0/pay.yaml", "# base\nport: 80\nname: pay\n");
    world.write("configs/note.txt", "plain\n");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overlays_of_an_environment_are_merged() {
    let mut world = world("append = [\"/hosts\"]\n").await;
    let dry = world.run(&["merge-configs", "configs", "merged-files", "--dry-run"]).await.expect(0);
    assert!(!world.path("merged-files").exists());
    page!(dry.stdout, @r"
    pay: v1.10.0, the newest, of 2
    app.json + app.stg_eu00.json
    note.txt
    pay/pay.yaml from pay/v1.10.0/pay.yaml + overlays/ios/pay/pay.yaml + overlays/eu/pay/pay.yaml
    2 files merged and 1 copied, with stg_eu00, ios, eu: merged-files would be written
    ");
    world.run(&["merge-configs", "configs", "merged-files"]).await.expect(0);
    assert_eq!(
        world.read("merged-files/app.json"),
        "{\n  \"name\": \"app\",\n  \"rate\": 2e0,\n  \"hosts\": [\n    \"a\",\n    \"b\"\n  ]\n}\n"
    );
    assert_eq!(world.read("merged-files/pay/pay.yaml"), "port: 0x1F90\nname: pay\nnorway: no\n");
    assert_eq!(world.read("merged-files/note.txt"), "plain\n");
    let ran = world.run(&["merge-configs"]).await.expect(0);
    assert_eq!(ran.report()["outcome"], "nothing-to-do");
    let ran = world.run(&["merge-configs", "--explain", "merged-files/app.json"]).await.expect(0);
    page!(ran.stdout, @r"
    /name  app.json:2:11
    /rate  app.stg_eu00.json:1:10, over app.json:3:11
    /hosts/0  app.json:4:13
    /hosts/1  app.stg_eu00.json:1:25
    4 values, from 2 files
    ");
    world.run(&["merge-configs", "--pin", "pay=1.2.0", "--region-key", "eu"]).await.expect(0);
    assert_eq!(world.read("merged-files/pay/pay.yaml"), "port: 0x1F90\nname: pay by 1.2.0\nnorway: no\n");
    world.set("CI_ENVIRONMENT_NAME", "prod_eu00");
    world.run(&["merge-configs", "--order", "platform,environment"]).await.expect(2);
    world.remove("configs/overlays/eu/pay/pay.yaml");
    world.run(&["merge-configs", "--order", "platform,environment"]).await.expect(0);
    assert!(world.read("merged-files/app.json").contains("\"rate\": 9"));
}

/// Versions pinned by a file of `landfall.toml`, by a flag above it, and folders of versions that stay.
#[tokio::test(flavor = "multi_thread")]
async fn versions_are_pinned_and_their_folders_kept() {
    let mut world = world("pins = \"pins.json\"\nversion_folders = \"keep\"\n").await;
    world.write("pins.json", "{\"pay\": \"1.2.0\"}\n");
    let merged = "port: 0x1F90\nname: pay by 1.2.0\nnorway: no\n";
    world.run(&["merge-configs"]).await.expect(0);
    assert_eq!(world.read("merged-files/pay/v1.2.0/pay.yaml"), merged);
    assert!(
        !world.path("merged-files/pay/pay.yaml").exists() && !world.path("merged-files/pay/v1.10.0").exists()
    );
    world.run(&["merge-configs", "--version-folders", "lift"]).await.expect(0);
    assert_eq!(world.read("merged-files/pay/pay.yaml"), merged);
    world.run(&["merge-configs", "--pin", "pay=v1.10.0"]).await.expect(0);
    assert_eq!(world.read("merged-files/pay/v1.10.0/pay.yaml"), merged.replace(" by 1.2.0", ""));
    world.write("other.json", "{\"pay\": \"v1.10.0\"}\n");
    world.set("LANDFALL_CONFIG_PINS", "other.json");
    let ran = world.run(&["merge-configs"]).await.expect(0);
    assert_eq!(ran.report()["outcome"], "nothing-to-do", "the variable stands above landfall.toml");
    world.write("other.json", "{\"pay\": 1}\n");
    assert_eq!(refused(&world, &["merge-configs"], 2).await.codes(), ["LF-FILE-INVALID"]);
    world.write("other.json", "{\"pay\": \"9.9.9\"}\n");
    assert_eq!(refused(&world, &["merge-configs"], 2).await.codes().first(), Some(&"LF-MERGE-PIN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_is_on_one_page() {
    let world = world("").await;
    world.write("configs/app.stg_eu00.json", "{\"rate\": \"fast\", \"gone\": null}\n");
    world.write("configs/ap.stg_eu00.json", "{}\n");
    world.write("configs/twice.yaml", "a: 1\nb: 2\na: 3\n");
    std::os::unix::fs::symlink("/etc/hostname", world.path("configs/link")).expect("linked");
    let ran = refused(&world, &["merge-configs"], 2).await;
    page!(ran.page(&world), @r"
    error[LF-MERGE-NO-FILE] exit 2
      link is a link
      next: put a file in its place: links and special files are never followed or copied

    error[LF-MERGE-NO-BASE] exit 2
      the overlay ap.stg_eu00.json belongs to ap.json, which is not there
      next: correct the overlay's name, or add the base, which may hold nothing but `{}`

    error[LF-MERGE-KIND] exit 2
      /rate is a number at app.json:3:11 and a text at app.stg_eu00.json:1:10
      next: give it the kind that the base has, or change the base

    error[LF-MERGE-REMOVES-NOTHING] exit 2
      app.stg_eu00.json:1:18 removes /gone, which is not there
      next: correct the key, or leave it out

    error[LF-FILE-INVALID] exit 2
      twice.yaml: /a at 3:1: found the same key a second time, expected one such key; the first stands at 1:1
      next: correct the places named, or name files that are none yet in `unread` of [configs]

    nothing was changed
    exit 2
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told() {
    let mut world = world("").await;
    world.set("PLATFORM", "windows");
    let words =
        ["merge-configs", "--pin", "pay", "--append", "hosts", "--new-keys", "maybe", "--order", "moon"];
    let ran = refused(&world, &words, 2).await;
    page!(ran.page(&world), @r"
    error[LF-CONFIG] exit 2
      --order has `moon`, which is neither environment, platform nor region
      --pin `pay` is not COMPONENT=VERSION
      --append `hosts` names no list: it is no JSON pointer such as /features or app.json#/features
      --new-keys `maybe` is neither allow nor refuse

    nothing was changed
    exit 2
    ");
    world.set("PLATFORM", "ios");
    let ran = refused(&world, &["merge-configs", "--region-key", "mars"], 2).await;
    page!(ran.page(&world), @r"
    error[LF-CONFIG] exit 2
      the region `mars` is none of eu
      next: correct --region-key, or add it to configs.regions in landfall.toml

    nothing was changed
    exit 2
    ");
    world.write("merged-files/mine", "by hand");
    let ran = refused(&world, &["merge-configs"], i32::from(exit::REFUSED)).await;
    page!(ran.page(&world), @r"
    error[LF-MERGE-FOREIGN] exit 3
      merged-files holds files that were not written by an earlier merge, or were changed since
      next: remove it, or have it replaced by --replace

    nothing was changed
    exit 3
    ");
    world.run(&["merge-configs", "--replace"]).await.expect(0);
    assert_eq!(
        refused(&world, &["merge-configs", "configs", "configs/out"], 2).await.codes(),
        ["LF-MERGE-TARGET"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_like_a_secret_is_warned_of_and_not_shown() {
    let world = world("").await;
    world.write("configs/db.toml", "[db]\nuser = \"app\"\npassword = \"canary-12345\"\n");
    let ran = world.run(&["merge-configs"]).await.expect(0);
    let warning = ran.stderr.lines().find(|line| line.contains("looks like a secret")).expect("a warning");
    assert!(warning.contains("db.toml:3:12 /db/password"), "{warning}");
    assert!(!ran.stderr.contains("canary-12345") && !ran.report().to_string().contains("canary-12345"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_repos_own_program_takes_the_place() {
    let mut world = world("merge_command = [\"sh\", \"./find_versions.sh\"]\n").await;
    world.set("NPM_TOKEN", "npm-canary-token");
    world.write("find_versions.sh", "mkdir -p \"$2\"\ncp \"$1/note.txt\" \"$2/\"\necho \"$1 $PLATFORM $CI_ENVIRONMENT_NAME [$NPM_TOKEN]\"\nexit $(cat code)\n");
    world.write("code", "0");
    world.run(&["merge-configs", "configs", "merged-files"]).await.expect(0);
    assert_eq!(world.read("merged-files/note.txt"), "plain\n");
    world.write("configs/note.txt", "other\n");
    world.write("code", "4");
    let ran = world.run(&["merge-configs"]).await.expect(i32::from(exit::REFUSED));
    page!(ran.page(&world), @r"
    merge
    output of merge_command:
      | configs ios stg_eu00 []
    error[LF-MERGE-COMMAND] exit 3
      merge_command `sh ./find_versions.sh` failed: it ended with 4
      next: read its output above and correct it

    nothing was changed
    exit 3
    ");
    assert_eq!(world.read("merged-files/note.txt"), "plain\n");
    world.write("find_versions.sh", "ln -s /etc/hostname \"$2/link\"\n");
    assert_eq!(refused(&world, &["merge-configs"], 2).await.codes(), ["LF-MERGE-NO-FILE"]);
    // It knows nothing of what our merge is told.
    world.set("LANDFALL_NEW_KEYS", "refuse");
    let ran = refused(&world, &["merge-configs", "--pin", "pay=1.2.0", "--append", "/hosts"], 2).await;
    page!(ran.page(&world), @r"
    error[LF-CONFIG] exit 2
      --pin does nothing where merge_command merges
      --append does nothing where merge_command merges
      the variable LANDFALL_NEW_KEYS does nothing where merge_command merges
      next: leave it out, or take merge_command out of landfall.toml

    nothing was changed
    exit 2
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_leaves_the_old_tree() {
    let world = world("merge_command = [\"sh\", \"./find_versions.sh\"]\n").await;
    world.write("find_versions.sh", "cp \"$1/note.txt\" \"$2/\"\n");
    world.run(&["merge-configs"]).await.expect(0);
    world.write("find_versions.sh", "echo half > \"$2/half\"\nkill -9 $PPID\n");
    let ran = world.run(&["merge-configs"]).await;
    assert_eq!(ran.signal, Some(9));
    assert_eq!(world.read("merged-files/note.txt"), "plain\n");
    assert!(!world.path("merged-files/half").exists());
    world.write("configs/note.txt", "other\n");
    world.write("find_versions.sh", "cp \"$1/note.txt\" \"$2/\"\n");
    world.run(&["merge-configs"]).await.expect(0);
    assert_eq!(world.read("merged-files/note.txt"), "other\n");
    for left in ["new", "old", "lock"] {
        assert!(!world.path(&format!(".merged-files.landfall-{left}")).exists(), "{left} is gone");
    }
}
