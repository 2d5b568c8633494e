//! The pages in Chromium, driven by its DevTools protocol over pipes.
//!
//! `LANDFALL_CHROMIUM` names the program. Screenshots are kept in `target/dashboard`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use landfall_dashboard::{Layout, Page, Site, build};
use serde_json::{Value, json};

use crate::sample::{hostile, large, small};

/// A browser, and what it told without being asked.
struct Browser {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    last: u64,
    session: Option<String>,
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    fn start() -> Self {
        let program = std::env::var_os("LANDFALL_CHROMIUM").unwrap_or_else(|| "chromium".into());
        let profile = tempfile::tempdir().expect("a folder");
        // It reads commands from descriptor 3 and answers on 4, and this program can only give it 0 to 2. A sandbox of its own
        // it can have neither as root nor in most containers; it sees no page but ours.
        let script = "exec \"$0\" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                      --hide-scrollbars --force-color-profile=srgb --remote-debugging-pipe --user-data-dir=\"$1\" \
                      about:blank 3<&0 4>&1 </dev/null >/dev/null";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .arg(program)
            .arg(profile.path())
            .env("HOME", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell starts");
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut browser =
            Self { child, to, from, last: 0, session: None, events: Vec::new(), _profile: profile };
        let target = browser.ask("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", &attach)["sessionId"].as_str().map(str::to_owned);
        browser.session = session;
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// Sends a command and waits for its answer.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.as_mut().expect("a pipe").write_all(&bytes).expect("Chromium listens");
        loop {
            let answer = self.next();
            if answer["id"] == json!(self.last) {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn next(&mut self) -> Value {
        let mut bytes = Vec::new();
        let read = self.from.read_until(0, &mut bytes).expect("Chromium answers");
        assert!(read > 0, "Chromium ended: is LANDFALL_CHROMIUM the program, and can it be started here?");
        bytes.pop();
        serde_json::from_slice(&bytes).expect("JSON")
    }

    /// Opens a page and waits until it is there.
    fn open(&mut self, path: &Path) {
        self.events.retain(|event| event["method"] != "Page.loadEventFired");
        self.ask("Page.navigate", &json!({ "url": format!("file://{}", path.display()) }));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.next();
            self.events.push(event);
        }
    }

    /// The value of an expression.
    fn eval(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.ask("Runtime.evaluate", &params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    fn look(&mut self, look: Look) {
        let (width, height) = if look == Look::Phone { (390, 844) } else { (1440, 900) };
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": look == Look::Phone });
        self.ask("Emulation.setDeviceMetricsOverride", &metrics);
        let media = if look == Look::Print { "print" } else { "screen" };
        let scheme = if look == Look::Dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", &json!({ "media": media, "features": features }));
    }

    fn shoot(&mut self, name: &str) {
        let image =
            self.ask("Page.captureScreenshot", &json!({ "format": "png", "captureBeyondViewport": false }));
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(image["data"].as_str().expect("an image"))
            .expect("base64");
        std::fs::write(shots().join(format!("{name}.png")), bytes).expect("written");
    }

    /// What the console was told that is an error or a warning, and what could not be loaded.
    fn complaints(&self) -> Vec<String> {
        let is_one = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Network.loadingFailed") => true,
            Some("Runtime.consoleAPICalled") => true,
            Some("Log.entryAdded") => event["params"]["entry"]["level"] != "verbose",
            Some(_) | None => false,
        };
        self.events.iter().filter(is_one).map(ToString::to_string).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.to = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Light,
    Dark,
    Phone,
    Print,
}

fn shots() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/dashboard");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn write(pages: &[Page]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for page in pages {
        let path = folder.path().join(&page.path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, &page.bytes).expect("written");
    }
    folder
}

fn site(site: &Site) -> tempfile::TempDir {
    write(&build(site, &Layout::default()))
}

/// What a person sees of the matrix: the texts of cells that are not hidden, a row a line.
const SEEN: &str = "[...document.querySelectorAll('#matrix tr')]\
    .map(row => [...row.cells].filter(cell => cell.checkVisibility()).map(cell => cell.innerText.replace(/\\s+/g, ' ').trim()))\
    .filter(row => row.length)";

#[test]
#[ignore = "needs Chromium; `cargo xtask test` has it"]
fn the_matrix_reads_right() {
    let folder = site(&small());
    let mut browser = Browser::start();
    browser.look(Look::Light);
    browser.open(&folder.path().join("index.html"));
    let seen = browser.eval(SEEN);
    assert_eq!(seen.as_array().map(Vec::len), Some(6), "{seen}");
    assert_eq!(
        seen[0],
        json!([
            "Function",
            "dev other",
            "qa other",
            "uat staging",
            "prod_eu00 production",
            "prod_na03 production frozen"
        ])
    );
    assert_eq!(
        seen[2],
        json!([
            "orderServiceFunction orderService",
            "1.0.3 2025-11-18 ada",
            "1.0.3 2025-11-18 ada",
            "1.0.3soak 5 h 2025-11-18 ada",
            "1.0.2behind2 gates 2025-11-11 ada",
            "1.0.2 2025-11-11 ada"
        ])
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
#[ignore = "needs Chromium; `cargo xtask test` has it"]
fn rows_and_columns_are_picked_without_a_script() {
    let folder = site(&small());
    let mut browser = Browser::start();
    browser.look(Look::Light);
    browser.ask("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    browser.open(&folder.path().join("index.html"));
    // What the protocol evaluates is no script of the page.
    let boxes =
        browser.eval("[...document.querySelectorAll('.find, .filter')].map(one => one.checkVisibility())");
    assert_eq!(boxes, json!([false, false]), "what needs a script is not shown without one");
    let names = "[...document.querySelectorAll('nav a')].find(one => one.innerText === 'All names').getAttribute('href')";
    assert_eq!(browser.eval(names), json!("pages/names.html"), "and what finds a name needs none");
    let names = "[...document.querySelectorAll('#matrix tbody th')].filter(one => one.checkVisibility()).map(one => one.querySelector('a').innerText)";
    browser.eval("document.querySelector('label[for=pick-drift]').click()");
    assert_eq!(browser.eval(names), json!(["notifierFunction", "paymentGatewayFunction"]));
    browser.eval("document.querySelector('label[for=pick-gates]').click()");
    assert_eq!(browser.eval(names), json!(["orderServiceFunction", "searchIndexerFunction"]));
    browser.eval("document.querySelector('label[for=pick-all]').click()");
    assert_eq!(browser.eval(names).as_array().map(Vec::len), Some(5));
    browser.eval("document.querySelector('details.columns').open = true");
    browser.eval("document.querySelector('label[for=column-2]').click()");
    let seen = browser.eval(SEEN);
    assert_eq!(
        seen[0],
        json!([
            "Function",
            "dev other",
            "uat staging",
            "prod_eu00 production",
            "prod_na03 production frozen"
        ])
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
#[ignore = "needs Chromium; `cargo xtask test` has it"]
fn large_sets_are_filtered_and_searched() {
    let folder = site(&large(200, 12, 300));
    let mut browser = Browser::start();
    browser.look(Look::Light);
    browser.open(&folder.path().join("index.html"));
    assert_eq!(filtered(&mut browser, "processing017"), json!([1, "1 of 200"]));
    assert_eq!(filtered(&mut browser, "no such thing"), json!([0, "0 of 200"]));
    assert_eq!(filtered(&mut browser, ""), json!([200, ""]));
    let found = browser.eval(
        "new Promise((done) => { const box = document.getElementById('find'); box.focus(); box.value = 'v1.2.';\
         box.dispatchEvent(new Event('input'));\
         const look = () => { const links = [...document.querySelectorAll('#found a')]; \
         if (links.length) done([links.length, links[0].getAttribute('href'), document.querySelector('#found p').textContent]); else setTimeout(look, 20); };\
         look(); })",
    );
    assert_eq!(found[0], json!(10), "{found}");
    assert!(found[1].as_str().is_some_and(|address| address.starts_with("pages/release-v1.2.")), "{found}");
    browser.eval("document.querySelector('#found a').click()");
    while browser.eval("document.querySelector('h1')?.textContent.startsWith('Release v1.2.') ?? false")
        != json!(true)
    {}
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Types into the filter and tells how many rows of the table are seen then, and what is told of them.
fn filtered(browser: &mut Browser, text: &str) -> Value {
    let script = "(text) => { const box = document.getElementById('filter'); box.value = text; \
        box.dispatchEvent(new Event('input')); const rows = document.getElementById(box.dataset.filters).tBodies[0].rows; \
        return [[...rows].filter(row => row.checkVisibility()).length, document.getElementById('filtered').textContent]; }";
    browser.eval(&format!("({script})({})", json!(text)))
}

#[test]
#[ignore = "needs Chromium; `cargo xtask test` has it"]
fn what_is_told_of_rows_is_what_is_seen() {
    let folder = site(&small());
    let mut browser = Browser::start();
    browser.look(Look::Light);
    browser.open(&folder.path().join("index.html"));
    let told = "document.getElementById('filtered').textContent";
    browser.eval("document.querySelector('label[for=pick-drift]').click()");
    assert_eq!(browser.eval(told), json!("2 of 5"));
    assert_eq!(filtered(&mut browser, "e"), json!([2, "2 of 5"]));
    assert_eq!(filtered(&mut browser, "payment"), json!([1, "1 of 5"]));
    assert_eq!(filtered(&mut browser, "order"), json!([0, "0 of 5"]));
    browser.eval("document.querySelector('label[for=pick-gates]').click()");
    assert_eq!(browser.eval(told), json!("1 of 5"));
    browser.eval("document.querySelector('label[for=pick-all]').click()");
    assert_eq!(filtered(&mut browser, ""), json!([5, ""]));
    for (list, text, wanted) in [
        ("releases", "v1.0.3", json!([1, "1 of 4"])),
        ("graveyard", "without tax", json!([1, "1 of 3"])),
        ("events", "rollback uat", json!([1, "1 of 7"])),
        ("promotions", "paymentgateway", json!([1, "1 of 1"])),
    ] {
        browser.open(&folder.path().join(format!("pages/{list}.html")));
        assert_eq!(filtered(&mut browser, text), wanted, "{list}");
        assert_eq!(filtered(&mut browser, "no such thing")[0], json!(0), "{list}");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
#[ignore = "needs Chromium; `cargo xtask test` has it"]
fn the_keyboard_reaches_all_of_it() {
    let folder = site(&small());
    let mut browser = Browser::start();
    browser.look(Look::Light);
    browser.open(&folder.path().join("index.html"));
    let press = |browser: &mut Browser, key: &str, code: u32| {
        for kind in ["keyDown", "keyUp"] {
            let text = if key == "Enter" { "\r" } else { "" };
            let params =
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            browser.ask("Input.dispatchKeyEvent", &params);
        }
    };
    press(&mut browser, "Tab", 9);
    assert_eq!(
        browser.eval("document.activeElement.className"),
        json!("skip"),
        "the first stop skips what is on every page"
    );
    assert_eq!(
        browser.eval("document.activeElement.getBoundingClientRect().top >= 0"),
        json!(true),
        "and is seen then"
    );
    press(&mut browser, "Enter", 13);
    assert_eq!(browser.eval("document.activeElement.id"), json!("content"));
    let mut reached = Vec::new();
    for _ in 0..80 {
        press(&mut browser, "Tab", 9);
        let at = browser.eval(
            "document.activeElement.id || document.activeElement.className || document.activeElement.tagName",
        );
        reached.push(at.as_str().unwrap_or_default().to_owned());
    }
    for wanted in ["pick-all", "filter", "wide"] {
        assert!(reached.iter().any(|one| one == wanted), "{wanted}: {reached:?}");
    }
}

#[test]
#[ignore = "needs Chromium; `cargo xtask test` has it"]
fn hostile_names_do_nothing() {
    let bad =
        "\"><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\u{202e}'";
    let folder = site(&hostile(bad));
    let mut browser = Browser::start();
    browser.look(Look::Light);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder.path().join("pages"))
        .expect("pages")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|end| end == "html"))
        .collect();
    paths.push(folder.path().join("index.html"));
    for path in paths {
        browser.open(&path);
        let odd = browser.eval(
            "[document.title === 'owned', document.querySelectorAll('img, iframe, main script').length]",
        );
        assert_eq!(odd, json!([false, 0]), "{}", path.display());
    }
    browser.open(&folder.path().join("index.html"));
    let found = browser.eval(
        "new Promise((done) => { const box = document.getElementById('find'); box.focus(); box.value = 'onerror';\
         box.dispatchEvent(new Event('input'));\
         const look = () => { const found = document.getElementById('found'); \
         if (found.querySelector('a')) done([found.querySelectorAll('img, script').length, document.title === 'owned']); else setTimeout(look, 20); };\
         look(); })",
    );
    assert_eq!(found, json!([0, false]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
#[ignore = "needs Chromium; `cargo xtask test` has it"]
fn every_kind_of_page_is_seen_in_every_look() {
    let (small, large) = (site(&small()), site(&large(200, 12, 400)));
    let mut browser = Browser::start();
    let pages = [
        ("index", small.path(), "index.html"),
        ("function", small.path(), "pages/function-orderServiceFunction.html"),
        ("environment", small.path(), "pages/environment-prod_eu00.html"),
        ("release", small.path(), "pages/release-v1.0.3.html"),
        ("dead-release", small.path(), "pages/release-v1.0.0.html"),
        ("releases", small.path(), "pages/releases.html"),
        ("graveyard", small.path(), "pages/graveyard.html"),
        ("figures", small.path(), "pages/figures.html"),
        ("events", small.path(), "pages/events.html"),
        ("promotions", small.path(), "pages/promotions.html"),
        ("names", small.path(), "pages/names.html"),
        ("large-index", large.path(), "index.html"),
        ("large-events", large.path(), "pages/events.html"),
        ("large-names", large.path(), "pages/names.html"),
    ];
    let mut too_wide = Vec::new();
    for look in [Look::Light, Look::Dark, Look::Phone, Look::Print] {
        browser.look(look);
        for (name, folder, path) in pages {
            browser.open(&folder.join(path));
            let wider =
                browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            if look != Look::Print && wider.as_i64() > Some(0) {
                too_wide.push(format!("{name} {look:?} by {wider}"));
            }
            browser.shoot(&format!("{name}-{look:?}").to_lowercase());
        }
    }
    assert_eq!(too_wide, Vec::<String>::new(), "a page scrolls sideways");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
