use std::time::Duration;

use super::{AfterRule, UnverifiedApprovals, one_each};
use crate::{FreezeWindow, Settings};

fn parse(text: &str) -> Settings {
    Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid")
}

fn refusal(text: &str) -> String {
    Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect_err("bad").to_string()
}

#[test]
fn where_customers_are_approvals_have_somebody_who_vouches_for_them() {
    let settings = parse(
        "[identity]\nissuer = \"https://gitlab.example.com\"\n[environment.qa]\n[environment.prod]\nkind = \"production\"\n\
         [environment.dr]\nkind = \"production\"\nunverified_approvals = \"count\"\n",
    );
    let of = |name: &str| settings.environments.get(name).expect("a row").unverified_approvals();
    assert_eq!(of("qa"), UnverifiedApprovals::Count);
    assert_eq!(of("prod"), UnverifiedApprovals::Refuse);
    assert_eq!(of("dr"), UnverifiedApprovals::Count);
    assert_eq!(settings.identity.issuer.expect("one").as_str(), "https://gitlab.example.com");
}

#[test]
fn who_vouches_is_pinned_with_the_project() {
    let identity = parse(
        "[identity]\nproject = \"acme/web/shop\"\ngithub_api = \"https://github.example.com/api/v3\"\nrepository = \"Acme/shop.js\"\n",
    )
    .identity;
    assert_eq!(identity.project.expect("one").as_str(), "acme/web/shop");
    assert_eq!(identity.github_api.expect("one").as_str(), "https://github.example.com/api/v3");
    assert_eq!(identity.repository.expect("one").as_str(), "Acme/shop.js");
    for odd in [
        "",
        "shop",
        "/shop",
        "acme/",
        "acme//shop",
        "acme/shop?x",
        "acme/ shop",
        "https://github.com/acme/shop",
    ] {
        assert!(odd.parse::<crate::ProjectPath>().is_err(), "{odd}");
    }
}

#[test]
fn gates_are_typed() {
    let settings = parse(
        r#"
[approvers]
qa-lead = ["ada", "grace"]
manager = ["ada"]
[environment.qa]
[environment.uat]
after = ["qa"]
[environment.prod]
after = ["qa", "uat"]
after_rule = "any"
soak = "2d"
approvals = ["manager", "qa-lead"]
approval_expires = "8h"
freeze = [
  { from = 2025-12-20T18:00:00Z, until = "2026-01-02T09:00:00+01:00", reason = "holidays" },
  { from = 2025-11-28, until = 2025-12-02T06:00:00, zone = "America/New_York" },
  { weekly = "Fri 15:00-Mon 06:00", zone = "Europe/London" },
]
"#,
    );
    let prod = settings.environments.get("prod").expect("a row");
    assert_eq!((prod.after_rule, prod.soak), (AfterRule::Any, Some(Duration::from_secs(172_800))));
    assert_eq!(prod.approval_expires(), Duration::from_secs(8 * 3600));
    assert_eq!(
        settings.environments.get("qa").expect("a row").approval_expires(),
        Duration::from_secs(72 * 3600)
    );
    let shown: Vec<String> = prod
        .freeze
        .iter()
        .map(|freeze| match &freeze.window {
            FreezeWindow::Once { from, until } => format!("{from} to {until}"),
            FreezeWindow::Weekly { span, zone } => format!("{span} {zone}"),
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    2025-12-20 18:00:00.0 +00:00:00 to 2026-01-02 8:00:00.0 +00:00:00
    2025-11-28 5:00:00.0 +00:00:00 to 2025-12-02 11:00:00.0 +00:00:00
    Fri 15:00-Mon 06:00 Europe/London
    ");
    assert!(prod.is_gated() && !settings.environments.get("qa").expect("a row").is_gated());
}

#[test]
fn every_problem_of_the_gates_is_said_where_it_stands() {
    insta::assert_snapshot!(refusal(
        r#"
[approvers]
qa-lead = ["ada", "Ada"]
manager = ["ADA"]
nobody = []
[environment.a]
after = ["b", "x"]
approvals = ["nobody", "unknown", "manager", "manager"]
[environment.b]
after = ["a"]
[environment.c]
soak = "1h"
approvals = ["qa-lead", "manager"]
"#
    ), @r#"
    9 problems in landfall.toml
      /approvers/qa-lead at 3:11: found a list of 2, expected each person once; `ada` stands there twice
      /environment/a/after at 7:9: found a list of 2, expected environments that have a row; `x` has none
      /environment/a/after at 7:9: found a list of 2, expected an order without a circle; a comes after itself
      /environment/a/approvals at 8:13: found a list of 4, expected each role once; `manager` stands there twice
      /environment/a/approvals at 8:13: found a list of 4, expected roles with people in [approvers]; `nobody` has none
      /environment/a/approvals at 8:13: found a list of 4, expected roles with people in [approvers]; `unknown` has none
      /environment/b/after at 10:9: found a list of 1, expected an order without a circle; b comes after itself
      /environment/c/soak at 12:8: found `1h`, expected `after` beside it: time is counted in the environment before
      /environment/c/approvals at 13:13: found a list of 2, expected roles that different people can fill; with one person a role `manager` stays empty
    "#);
    insta::assert_snapshot!(refusal(
        r#"
[approvers]
"QA" = ["a b"]
[environment.a]
after_rule = "some"
soak = "91d"
approval_expires = "0s"
approvals = ["QA"]
freeze = [
  { weekly = "Fri 15:00-Fri 15:00", zone = "Europe/London" },
  { weekly = "Fri 25:00-Mon 06:00", zone = "Europe/Lndon" },
  { weekly = "Fri 15:00-Mon 06:00" },
  { from = 2025-12-20T18:00:00Z },
  { from = 2025-12-20T18:00:00, until = 2025-12-21T18:00:00Z },
  { from = 2025-12-20T18:00:00Z, until = 2025-12-20T17:00:00Z },
  { from = "tomorrow", until = 2025-12-20T17:00:00Z, reasn = "x" },
  { weekly = "Fri 15:00-Mon 06:00", zone = "UTC", from = 2025-12-20T18:00:00Z },
]
"#
    ), @r#"
    16 problems in landfall.toml
      /approvers/QA at 3:1: found the key `QA`, expected a role: 1 to 64 of a-z 0-9 -, beginning with a letter
      /approvers/QA/0 at 3:9: found `a b`, expected a person as CI names them: 1 to 255 characters without white space, control or invisible characters
      /environment/a/after_rule at 5:14: found `some`, expected one of `all` `any`
      /environment/a/soak at 6:8: found `91d`, expected a time such as 7d, 24h, 30m or 900s, from 1s to 90d
      /environment/a/approval_expires at 7:20: found `0s`, expected a time such as 7d, 24h, 30m or 900s, from 1s to 90d
      /environment/a/approvals/0 at 8:14: found `QA`, expected a role: 1 to 64 of a-z 0-9 -, beginning with a letter
      /environment/a/freeze/0/weekly at 10:14: found `Fri 15:00-Fri 15:00`, expected a part of the week such as `Fri 15:00-Mon 06:00`, with days Mon to Sun and two different times
      /environment/a/freeze/1/weekly at 11:14: found `Fri 25:00-Mon 06:00`, expected a part of the week such as `Fri 15:00-Mon 06:00`, with days Mon to Sun and two different times
      /environment/a/freeze/1/zone at 11:44: found `Europe/Lndon`, expected a time zone of the IANA database such as Europe/London
      /environment/a/freeze/2 at 12:3: found an object with 1 key, expected the key `zone` beside `weekly`, such as Europe/London
      /environment/a/freeze/3 at 13:3: found an object with 1 key, expected `from` and `until`, or `weekly` and `zone`
      /environment/a/freeze/4/from at 14:12: found `2025-12-20T18:00:00`, expected a time with its offset such as 2025-12-20T18:00:00Z, or one without and a `zone`
      /environment/a/freeze/5/until at 15:42: found `2025-12-20T17:00:00Z`, expected a time after `from`
      /environment/a/freeze/6/from at 16:12: found `tomorrow`, expected a time with its offset such as 2025-12-20T18:00:00Z, or one without and a `zone`
      /environment/a/freeze/6/reasn at 16:54: found the unknown key `reasn`, expected `reason`, perhaps
      /environment/a/freeze/7 at 17:3: found an object with 3 keys, expected `from` and `until`, or `weekly` and `zone`
    "#);
}

#[test]
fn a_hidden_hour_belongs_to_the_freeze() {
    // London's clocks went from 01:00 to 02:00 on 2025-03-30, and from 02:00 back to 01:00 on 2025-10-26.
    let settings = parse(
        r#"
[environment.a]
freeze = [
  { from = 2025-03-30T01:30:00, until = 2025-03-30T01:45:00, zone = "Europe/London" },
  { from = 2025-10-26T01:30:00, until = 2025-10-26T01:31:00, zone = "Europe/London" },
]
"#,
    );
    let shown: Vec<String> = settings
        .environments
        .values()
        .flat_map(|row| &row.freeze)
        .map(|freeze| match &freeze.window {
            FreezeWindow::Once { from, until } => format!("{from} to {until}"),
            FreezeWindow::Weekly { .. } => String::new(),
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    2025-03-30 0:30:00.0 +00:00:00 to 2025-03-30 1:45:00.0 +00:00:00
    2025-10-26 0:30:00.0 +00:00:00 to 2025-10-26 1:31:00.0 +00:00:00
    ");
}

#[test]
fn roles_are_filled_as_far_as_people_go() {
    assert_eq!(one_each(&[vec!["ada", "grace"], vec!["ada"]]), [Some("grace"), Some("ada")]);
    assert_eq!(one_each(&[vec!["ada"], vec!["ada"]]), [Some("ada"), None]);
    assert_eq!(one_each::<&str>(&[vec![], vec![]]), [None, None]);
    let chain = [vec![1, 2], vec![2, 3], vec![1], vec![3, 4]];
    assert_eq!(one_each(&chain), [Some(2), Some(3), Some(1), Some(4)]);
}
