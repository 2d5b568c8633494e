// Filters tables and finds names. Everything can be read without it.
(() => {
  "use strict";
  const most = 20;
  const folded = (text) => text.toLowerCase();

  // A table's filter: rows without all of the words are hidden. What is told is what is seen, since the buttons hide rows too.
  for (const box of document.querySelectorAll("[data-filters]")) {
    const table = document.getElementById(box.dataset.filters);
    const told = document.getElementById(box.getAttribute("aria-describedby"));
    if (!table || !told) continue;
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    const texts = rows.map((row) => folded(row.textContent));
    const apply = () => {
      const words = folded(box.value).split(/\s+/).filter(Boolean);
      rows.forEach((row, at) => {
        row.hidden = !words.every((word) => texts[at].includes(word));
      });
      const seen = rows.filter((row) => row.getClientRects().length).length;
      told.textContent = words.length || seen < rows.length ? `${seen} of ${rows.length}` : "";
    };
    box.addEventListener("input", apply);
    for (const pick of document.querySelectorAll("[name=pick]")) pick.addEventListener("change", apply);
    box.closest("[hidden]").hidden = false;
    apply();
  }

  // The finder: its names come when somebody begins to look for one.
  const box = document.getElementById("find");
  const found = document.getElementById("found");
  if (!box || !found) return;
  let names = [];
  let asked = 0;
  let whole = false;
  const show = () => {
    const word = folded(box.value.trim());
    found.textContent = "";
    if (!word) return;
    const fits = names.filter(([, name]) => folded(name).includes(word));
    const begins = (name) => (folded(name).startsWith(word) ? 0 : 1);
    fits.sort((one, other) => begins(one[1]) - begins(other[1]));
    const list = document.createElement("ul");
    for (const [kind, name, file] of fits.slice(0, most)) {
      const link = document.createElement("a");
      link.href = box.dataset.base + file;
      link.textContent = name;
      const about = document.createElement("span");
      about.textContent = kind;
      const item = document.createElement("li");
      item.append(link, " ", about);
      list.append(item);
    }
    const line = document.createElement("p");
    line.textContent = fits.length > most ? `${most} of ${fits.length}` : fits.length ? "" : whole ? "nothing found" : "…";
    found.append(list, line);
  };
  // A list begins with its kind. A name stands alone where it tells its file.
  const listed = ([kind, ...some]) =>
    some.map((one) => (Array.isArray(one) ? [kind, ...one] : [kind, one, `${kind}-${one}.html`]));
  const load = () => {
    asked += 1;
    const script = document.createElement("script");
    script.src = `${box.dataset.base}names${asked > 1 ? `-${asked}` : ""}.js`;
    script.addEventListener("load", () => {
      names = self.landfallNames.flatMap(listed);
      whole = asked >= self.landfallNameFiles;
      if (!whole) load();
      show();
    });
    document.head.append(script);
  };
  const ask = () => {
    if (!asked) load();
  };
  box.addEventListener("focus", ask);
  box.addEventListener("input", () => {
    ask();
    show();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      box.value = "";
      show();
    }
    if (event.key === "Enter") found.querySelector("a")?.click();
  });
  box.closest("[hidden]").hidden = false;
})();
