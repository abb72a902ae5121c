// Names that begin as the reader types, below the search field. Without this file the field is a plain form.
// The words asked go to our own server only; nothing is kept here. A copy without a server says so when it is asked
// for the first time, with nothing typed; then the names are looked through here, and the words go nowhere.
(() => {
  const form = document.querySelector(".search-form");
  const input = form?.querySelector("input[type=search]");
  if (!input || !form.dataset.suggest || !window.AbortController || location.protocol === "file:") return;

  const list = document.createElement("ul");
  list.id = "suggestions";
  list.className = "suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", form.dataset.label);
  list.hidden = true;
  const said = document.createElement("p");
  said.className = "visually-hidden";
  said.setAttribute("role", "status");
  form.append(list, said);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");

  let asked, waiting, chosen = -1;

  function close() {
    clearTimeout(waiting);
    asked?.abort();
    list.hidden = true;
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function choose(next) {
    const options = list.children;
    chosen = next < -1 ? options.length - 1 : next >= options.length ? -1 : next;
    [...options].forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
    if (chosen < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", options[chosen].id);
      options[chosen].scrollIntoView({ block: "nearest" });
    }
  }

  function show(answer) {
    list.replaceChildren(
      ...answer.suggestions.map((one, at) => {
        const option = document.createElement("li");
        option.id = `suggestion-${at}`;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        option.dataset.url = one.url;
        const kind = document.createElement("span");
        kind.className = "tag";
        kind.textContent = one.kind;
        option.append(one.title, " ", kind);
        return option;
      }),
    );
    chosen = -1;
    list.hidden = !answer.suggestions.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    said.textContent = answer.said;
  }

  function load(address) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.addEventListener("load", resolve);
      script.addEventListener("error", reject);
      document.head.append(script);
    });
  }

  async function whereToAsk() {
    const response = await fetch(form.dataset.suggest, { credentials: "omit" });
    const { names, script } = await response.json();
    if (!names) return "server";
    if (!window.portalSearch) {
      await load(names);
      await load(script);
    }
    return "here";
  }

  let where;

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    try {
      where ??= whereToAsk();
      if ((await where) === "here") {
        if (document.activeElement === input) show(window.portalSearch.suggest(input.value.trim()));
        return;
      }
      const address = `${form.dataset.suggest}?q=${encodeURIComponent(input.value.trim())}`;
      const response = await fetch(address, { signal: asked.signal, credentials: "omit" });
      if (response.ok && document.activeElement === input) show(await response.json());
    } catch (problem) {
      // No network, or a newer question: the form still works.
      if (problem.name !== "AbortError") where = undefined;
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(waiting);
    if (input.value.trim()) waiting = setTimeout(ask, 150);
    else close();
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape" && !list.hidden) {
      event.preventDefault(); // the first press closes the list, the next empties the field
      close();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !list.hidden) {
      event.preventDefault();
      choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" && chosen >= 0) {
      event.preventDefault();
      location.assign(list.children[chosen].dataset.url);
    }
  });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) location.assign(option.dataset.url);
  });
  input.addEventListener("blur", close);
})();
