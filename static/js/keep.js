/* Unsaved text survives a closed tab and an expired session: it is kept in this browser until it was saved.

   On a page with <template id="keep"> inside its form, or with the form's id, what differs from what the server sent is written to
   localStorage while somebody types, under the user's number, the page's path and a name of this opening of the page.
   When the page is opened again, the text is offered. With it is kept what each field said when the form was opened,
   so that bringing text back later does not hide from the server that somebody else saved in between.

   Never kept: passwords, files, tokens; hidden fields only as "what was seen". Forgotten: after a save, when it is thrown
   away, at logout, after 30 days. */
(() => {
  "use strict";

  const KEPT = "desk-keep:";
  const SENT = "desk-keep-sent"; // the text on its way to the server, in this tab
  const DAYS_KEPT = 30;
  const KINDS_KEPT = /^(textarea|select-one|select-multiple|checkbox|radio|text|number|url|email|date|search|tel)$/;

  const user = document.currentScript.dataset.user;
  const mine = `${KEPT}${user}:`;
  const here = `${mine}${location.pathname}:`;

  // Storage may be full, or forbidden: then nothing is kept, and everything else works.
  const attempt = (what) => {
    try {
      return what();
    } catch {
      return null;
    }
  };
  const keys = (start) => attempt(() => Object.keys(localStorage).filter((key) => key.startsWith(start))) ?? [];
  const read = (key) => attempt(() => JSON.parse(localStorage.getItem(key)));
  const write = (key, text) => attempt(() => localStorage.setItem(key, JSON.stringify(text)));
  const forget = (key) => attempt(() => localStorage.removeItem(key));

  for (const key of keys(KEPT)) {
    if (!(read(key)?.at > Date.now() - DAYS_KEPT * 24 * 60 * 60 * 1000)) forget(key);
  }
  if (!user) return; // the login page: who it will be is not known yet

  let stopped = false;
  document.getElementById("logout-form")?.addEventListener("submit", () => {
    stopped = true;
    keys(mine).forEach(forget);
  });

  const sent = attempt(() => sessionStorage.getItem(SENT));
  attempt(() => sessionStorage.removeItem(SENT));
  if (sent && document.querySelector(".messagelist .success")) forget(sent);

  const template = document.getElementById("keep");
  const form = template?.closest("form") ?? document.getElementById(template?.dataset.form);
  if (!form) return;

  // A form that comes back unsaved goes on under the name it had.
  const cameBack = "refused" in template.dataset && sent?.startsWith(here) && read(sent) !== null;
  const key = cameBack ? sent : here + Math.random().toString(36).slice(2);
  const carried = cameBack ? read(sent).fields : [];

  // Editors

  const editors = new WeakMap();
  const waiting = new WeakMap();
  document.addEventListener("prose-editor:ready", ({ detail: { editor, textarea } }) => {
    editors.set(textarea, editor);
    if (waiting.has(textarea)) editor.commands.setContent(waiting.get(textarea));
    waiting.delete(textarea);
  });

  const setText = (field, text) => {
    field.value = text;
    if (editors.has(field)) editors.get(field).commands.setContent(text);
    else if (field.tagName === "TEXTAREA") waiting.set(field, text); // its editor may be on its way
  };

  // Fields

  const named = (name) => {
    const found = form.elements.namedItem(name);
    return found === null ? [] : found instanceof RadioNodeList ? [...found] : [found];
  };
  const lines = (text) => text.replace(/\r\n?/g, "\n");
  const same = (some, others) => JSON.stringify([...some].sort()) === JSON.stringify([...others].sort());

  const valueOf = (fields, asSent) =>
    fields.flatMap((field) => {
      if (field.type === "checkbox" || field.type === "radio") {
        return (asSent ? field.defaultChecked : field.checked) ? [field.value] : [];
      }
      if (field.tagName === "SELECT") {
        const chosen = [...field.options].filter((option) => (asSent ? option.defaultSelected : option.selected));
        // Nothing chosen means the first, but not in a list that searches: it came empty and got its options since.
        const without = field.multiple || chosen.length || field.matches(".admin-autocomplete");
        const first = without ? [] : [...field.options].slice(0, 1);
        return [...chosen, ...first].map((option) => option.value);
      }
      return [lines(asSent ? field.defaultValue : field.value)];
    });

  const hiddenOf = (name) => named(`initial-${name}`)[0];

  const wasSeen = (name, fields) => {
    const hidden = hiddenOf(name);
    if (!hidden) return valueOf(fields, true);
    const several = fields.length > 1 || fields[0].multiple || fields[0].closest(".sections");
    if (several) return hidden.value.split(",").filter(Boolean);
    if (fields[0].type === "checkbox") return hidden.value === "True" ? [fields[0].value] : [];
    return [lines(hidden.value)];
  };

  // Rows: "facts-3-value_en" is a field of a row; which row it is, its hidden number says, not its place.

  const management = (prefix, what) => named(`${prefix}-${what}_FORMS`)[0];
  const prefixes = () =>
    [...form.elements].map((field) => /^(.+)-TOTAL_FORMS$/.exec(field.name)?.[1]).filter(Boolean);

  const rowOf = (name, known) => {
    for (const prefix of known) {
      const match = name.startsWith(`${prefix}-`) && /^(\d+)-(.+)$/.exec(name.slice(prefix.length + 1));
      if (match) return { prefix, index: match[1], part: match[2] };
    }
    return null;
  };
  const idOf = (prefix, index) => named(`${prefix}-${index}-id`)[0]?.value ?? "";

  const addRow = (prefix) => {
    const before = management(prefix, "TOTAL").value;
    document.querySelector(`#${CSS.escape(prefix)}-group .add-row a`)?.click();
    return management(prefix, "TOTAL").value === before ? null : before;
  };

  const names = () => {
    const found = new Map();
    for (const field of form.elements) {
      if (field.name && KINDS_KEPT.test(field.type) && !field.name.includes("__prefix__")) {
        found.set(field.name, [...(found.get(field.name) ?? []), field]);
      }
    }
    return found;
  };

  // Keeping

  const unsaved = () => {
    const known = prefixes();
    const all = [...names()].map(([name, fields]) => {
      const row = rowOf(name, known);
      const id = row ? idOf(row.prefix, row.index) : "";
      const values = valueOf(fields);
      const changed = !same(values, wasSeen(name, fields));
      const labels = {};
      if (fields[0].tagName === "SELECT") {
        for (const option of fields[0].selectedOptions) labels[option.value] = option.textContent;
      }
      return { name, row: row && { ...row, id }, values, labels, changed, seen: hiddenOf(name)?.value };
    });
    // A new row is kept whole if anything is in it.
    const isNew = (field) => field.row && !field.row.id;
    const rowName = (field) => `${field.row.prefix}-${field.row.index}`;
    const written = new Set(all.filter((f) => isNew(f) && (f.changed || cameBack)).map(rowName));
    const found = all.filter((field) => (isNew(field) ? written.has(rowName(field)) : field.changed));
    // A form that came back shows as sent what is not saved yet.
    const told = new Set(all.filter((field) => field.seen !== undefined || field.row).map((field) => field.name));
    const again = carried.filter((old) => !old.row && !told.has(old.name) && !found.some((f) => f.name === old.name));
    return [...found, ...again.map((old) => ({ ...old, values: valueOf(named(old.name)) }))];
  };

  const keep = () => {
    if (stopped) return;
    const fields = unsaved();
    const seen = {};
    for (const name of ["opened_with", "newest_entry"]) if (named(name)[0]) seen[name] = named(name)[0].value;
    if (fields.length) write(key, { at: Date.now(), fields, seen });
    else forget(key);
  };

  let timer;
  const keepSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(keep, 400);
  };
  // Clicks too: the lists that search as one types, and rows taken away, tell of themselves in no other way.
  for (const event of ["input", "change", "keyup", "click"]) {
    form.addEventListener(event, keepSoon);
  }
  document.addEventListener("visibilitychange", () => document.hidden && timer && keep());
  window.addEventListener("pagehide", () => timer && keep());
  form.addEventListener("submit", () => {
    keep();
    attempt(() => sessionStorage.setItem(SENT, key));
  });

  // Offering

  const numberOfId = (prefix, id) => {
    for (let index = 0; index < Number(management(prefix, "INITIAL")?.value ?? 0); index++) {
      if (idOf(prefix, index) === id) return String(index);
    }
    return null;
  };

  const nowCalled = (field) => {
    if (!field.row) return field.name;
    const { prefix, id, part } = field.row;
    const index = id && management(prefix, "INITIAL") ? numberOfId(prefix, id) : null;
    return index === null ? null : `${prefix}-${index}-${part}`;
  };

  const differs = (field) => {
    const name = nowCalled(field);
    return name === null || !same(valueOf(named(name)), field.values);
  };

  const setField = (name, field) => {
    const fields = named(name);
    for (const one of fields) {
      if (one.type === "checkbox" || one.type === "radio") one.checked = field.values.includes(one.value);
      else if (one.tagName === "SELECT") {
        for (const value of field.values) {
          // A list that searches holds only what is chosen; the rest it asks the server for.
          if (![...one.options].some((option) => option.value === value)) {
            one.append(new Option(field.labels[value] ?? value, value));
          }
        }
        for (const option of one.options) option.selected = field.values.includes(option.value);
      } else setText(one, field.values[0] ?? "");
    }
    fields[0]?.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const bringBack = (kept) => {
    const places = new Map(); // a row of then -> its number now
    for (const field of kept.fields) {
      let name = nowCalled(field);
      if (name === null) {
        const { prefix, id, index, part } = field.row;
        if (part === "DELETE") continue; // it is gone already
        const row = `${prefix}-${id || `new-${index}`}`;
        if (!places.has(row)) places.set(row, management(prefix, "TOTAL") ? addRow(prefix) : null);
        if (places.get(row) === null) continue;
        name = `${prefix}-${places.get(row)}-${part}`;
      } else if (field.seen !== undefined && hiddenOf(name)) {
        hiddenOf(name).value = field.seen;
      }
      setField(name, field);
    }
    for (const [name, value] of Object.entries(kept.seen)) if (named(name)[0]) named(name)[0].value = value;
    keep();
  };

  const when = (at) => {
    const today = new Date(at).toDateString() === new Date().toDateString();
    const words = { hour: "2-digit", minute: "2-digit", ...(today ? {} : { day: "numeric", month: "long" }) };
    return new Intl.DateTimeFormat(document.documentElement.lang, words).format(at);
  };

  const offer = () => {
    const [newest] = keys(here)
      .filter((name) => name !== key)
      .map((name) => ({ name, kept: read(name) }))
      .filter(({ name, kept }) => kept.fields.some(differs) || forget(name)) // the form says all of it already
      .sort((one, other) => other.kept.at - one.kept.at);
    if (!newest) return;
    const box = template.content.firstElementChild.cloneNode(true);
    const words = box.querySelector("[data-keep=words]");
    words.textContent = words.textContent.replace("{time}", when(newest.kept.at));
    for (const [button, act] of [
      ["back", () => bringBack(newest.kept)],
      ["away", () => {}],
    ]) {
      box.querySelector(`[data-keep=${button}]`).addEventListener("click", () => {
        forget(newest.name);
        box.remove();
        act();
        offer();
      });
    }
    template.before(box);
  };

  offer();
})();
