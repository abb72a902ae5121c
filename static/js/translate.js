/* The translator's page: keys, suggestions to take, checks while typing, saving as you go. Without it the form works. */
(() => {
  "use strict";

  const form = document.getElementById("translation");
  if (!form) return;
  const words = form.dataset;
  const parts = [...form.querySelectorAll("section[data-part]")];
  const status = document.getElementById("as-you-go");
  const editors = new WeakMap();
  document.addEventListener("prose-editor:ready", ({ detail: { editor, textarea } }) => editors.set(textarea, editor));

  const fieldOf = (part) => part.querySelector(".desk-target :is(textarea, input)");
  const focusOn = (part) => {
    if (!part) return;
    part.scrollIntoView({ block: "center" });
    (part.querySelector(".ProseMirror") ?? fieldOf(part)).focus();
  };
  const current = () => document.activeElement?.closest?.("section[data-part]") ?? null;

  const write = (part, text, origin) => {
    const field = fieldOf(part);
    if (editors.has(field)) editors.get(field).commands.setContent(text);
    field.value = text;
    let hidden = part.querySelector("input[data-origin]");
    if (origin && !hidden) {
      hidden = document.createElement("input");
      Object.assign(hidden, { type: "hidden", name: `origin-${part.dataset.part}` });
      hidden.dataset.origin = "";
      part.append(hidden);
    }
    if (hidden) hidden.value = origin ?? "";
    changed(part);
  };

  // Suggestions. A part of one segment is written whole; of several, the segment is put where the cursor would go on.

  const take = (part, suggestion) => {
    const several = Number(suggestion.dataset.pieces) > 1 || fieldOf(part).value.trim() !== "";
    const field = fieldOf(part);
    const rich = editors.has(field);
    const text = suggestion.dataset.match;
    if (several && field.value.trim()) {
      write(part, rich ? `${field.value}<p>${text}</p>` : `${field.value}\n${text}`, null);
    } else {
      const exact = suggestion.dataset.percent === "100" && Number(suggestion.dataset.pieces) === 1;
      write(part, rich ? wrapped(part, text) : text, exact ? "memory" : null);
    }
    focusOn(part);
  };

  // In the block that the source has around it: a heading stays a heading.
  const wrapped = (part, text) => {
    const source = new DOMParser().parseFromString(part.querySelector("[data-source]").dataset.source, "text/html").body;
    const block = source.firstElementChild;
    if (!block) return `<p>${text}</p>`;
    let inner = block;
    while (inner.firstElementChild && /^(LI|P)$/.test(inner.firstElementChild.tagName)) inner = inner.firstElementChild;
    inner.innerHTML = text; // the editor cleans it by its own schema, and the server again
    return block.outerHTML;
  };

  const copySource = (part) => {
    if (part) write(part, part.querySelector("[data-source]").dataset.source, null);
  };

  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button desk-small";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };
  for (const part of parts) {
    if (part.querySelector("[data-copy]")) part.querySelector(".desk-tools").prepend(button(words.copy, () => copySource(part)));
    for (const suggestion of part.querySelectorAll("[data-match]")) {
      suggestion.append(" ", button(words.take, () => take(part, suggestion)));
    }
  }

  const only = document.getElementById("only-to-do");
  if (only) {
    only.hidden = false;
    only.addEventListener("change", ({ target }) => {
      form.closest(".desk-translate").classList.toggle("desk-only-to-do", target.checked);
    });
  }

  // Checks while typing

  const timers = new WeakMap();
  const post = (address, data) =>
    fetch(address, { method: "POST", body: data, headers: { Accept: "application/json" }, credentials: "same-origin" });

  const look = async (part) => {
    const data = new FormData();
    data.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    data.set("part", part.dataset.part);
    data.set("words", fieldOf(part).value);
    const answer = await post(words.check, data).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const { findings } = await answer.json();
    const list = part.querySelector(".desk-findings");
    list.hidden = !findings.length;
    list.replaceChildren(
      ...findings.map((message) => {
        const item = document.createElement("li");
        const again = document.createElement("strong");
        again.textContent = words.again;
        item.append(again, ` ${message}`);
        return item;
      }),
    );
  };

  // Saving as you go: when a part is left, and when nothing was typed for a while. Marks of comparing wait for the button.

  // Somebody who is not signed in any more is led to the page for it; whoever signed in anew has another token.
  // Never with another account's: its words would be these.
  let signedOut = false;
  const userOf = (page) => page.querySelector("script[data-user]")?.dataset.user;
  const renew = async () => {
    const answer = await fetch(location.pathname, { credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok || answer.redirected) return false;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (userOf(page) !== userOf(document)) return false;
    const { value } = page.querySelector("[name=csrfmiddlewaretoken]");
    for (const token of document.querySelectorAll("[name=csrfmiddlewaretoken]")) token.value = value;
    return true;
  };
  const saySignedOut = () => {
    signedOut = true;
    status.replaceChildren(document.getElementById("signed-out").content.cloneNode(true));
  };
  const toSave = () => {
    const data = new FormData(form);
    data.delete("compared");
    return post(location.pathname, data).catch(() => null);
  };

  const unsaved = new Set();
  let saving = Promise.resolve();
  let idle = 0;

  const changed = (part) => {
    if (!part) return;
    unsaved.add(part);
    clearTimeout(timers.get(part));
    timers.set(part, setTimeout(() => look(part), 700));
    clearTimeout(idle);
    idle = setTimeout(save, 20000);
  };

  const save = () => {
    saving = saving.then(async () => {
      if (!unsaved.size || form.dataset.leaving) return;
      const sent = [...unsaved];
      unsaved.clear();
      const values = new Map(sent.map((part) => [part, fieldOf(part).value]));
      status.textContent = words.saving;
      let answer = await toSave();
      signedOut = answer?.redirected || answer?.status === 403;
      if (signedOut && (await renew())) {
        answer = await toSave();
        signedOut = answer?.redirected;
      }
      const said = await answer?.json().catch(() => null);
      if (!answer?.ok || !said?.opened_with) {
        sent.forEach((part) => unsaved.add(part));
        if (signedOut) saySignedOut();
        else status.textContent = `${words.failed} ${said?.problem ?? ""}`;
        return;
      }
      form.elements.opened_with.value = said.opened_with;
      for (const [part, value] of values) fieldOf(part).defaultValue = value; // nothing to bring back any more
      const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      status.textContent = words.saved.replace("{time}", time);
      const page = document.querySelector(".desk-beside[open] iframe");
      if (page) page.contentWindow.location.reload();
    });
    return saving;
  };

  for (const part of parts) {
    for (const event of ["input", "change", "keyup"]) {
      part.addEventListener(event, ({ target }) => {
        if (target.name === "compared") return;
        const field = fieldOf(part);
        if (field.value === field.defaultValue && !unsaved.has(part)) return;
        const hidden = part.querySelector("input[data-origin]");
        if (hidden?.value === "memory") hidden.value = ""; // changed by hand: a person's words now
        changed(part);
      });
    }
    part.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget?.closest(".desk-save")) return; // the button saves it
      if (!part.contains(relatedTarget) && unsaved.has(part)) save();
    });
  }
  let underWay = false;
  form.addEventListener("submit", async (event) => {
    if (form.dataset.leaving) return;
    event.preventDefault();
    if (underWay) return;
    underWay = true;
    await saving; // it changes what the form was opened with
    if (signedOut) signedOut = !(await renew());
    underWay = false;
    if (signedOut) return saySignedOut(); // the words would be gone from this page, and not be saved
    form.dataset.leaving = "1";
    setTimeout(() => form.requestSubmit(event.submitter)); // a form sends nothing from within its own event
  });
  window.addEventListener("pageshow", () => delete form.dataset.leaving); // back from where the button led
  window.addEventListener("focus", () => signedOut && save()); // back from the tab in which one signed in

  // Keys

  const go = (step, list = parts) => {
    const at = list.indexOf(current());
    focusOn(list[at === -1 ? (step > 0 ? 0 : list.length - 1) : (at + step + list.length) % list.length]);
  };
  const keys = {
    ArrowDown: () => go(1),
    ArrowUp: () => go(-1),
    KeyT: () => {
      const at = parts.indexOf(current());
      focusOn([...parts.slice(at + 1), ...parts.slice(0, at + 1)].find((part) => "toDo" in part.dataset));
    },
    KeyC: () => copySource(current()),
    KeyM: () => {
      const suggestion = current()?.querySelector("[data-match]");
      if (suggestion) take(current(), suggestion);
    },
    KeyK: () => {
      const box = current()?.querySelector("input[name=compared]");
      if (box) box.checked = !box.checked;
    },
    KeyS: () => save(),
    KeyH: () => {
      const help = document.getElementById("keys");
      help.open = !help.open;
      if (help.open) help.querySelector("summary").focus();
    },
  };
  document.addEventListener("keydown", (event) => {
    if (!event.altKey || !event.shiftKey || event.ctrlKey || event.metaKey || !(event.code in keys)) return;
    event.preventDefault();
    keys[event.code]();
  });
})();
