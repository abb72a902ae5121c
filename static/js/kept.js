// "Keep this page on this phone": nothing is stored before the button is pressed, and everything can be removed again.
// All words come from the page, in its language.
(() => {
  if (!("serviceWorker" in navigator) || !("caches" in window) || location.protocol === "file:") return;
  const KEPT = "kept";
  const page = document.documentElement;
  const box = document.querySelector("[data-keep]");
  const list = document.querySelector("[data-kept-list]");

  function button(words, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button";
    made.textContent = words;
    made.addEventListener("click", async () => {
      made.disabled = true; // a slow network: one press is enough
      await act();
      made.disabled = false;
    });
    return made;
  }

  function inWords(iso) {
    return new Date(iso).toLocaleString(page.lang, { dateStyle: "long", timeStyle: "short" });
  }

  async function has(url) {
    return (await caches.has(KEPT)) && Boolean(await (await caches.open(KEPT)).match(url, { ignoreVary: true }));
  }

  async function pages() {
    if (!(await caches.has(KEPT))) return [];
    const cache = await caches.open(KEPT);
    const found = [];
    for (const request of await cache.keys()) {
      const response = await cache.match(request, { ignoreVary: true });
      if (!response.headers.get("Content-Type").startsWith("text/html")) continue;
      const kept = new DOMParser().parseFromString(await response.text(), "text/html");
      const { lang, dir } = kept.documentElement;
      const title = kept.querySelector("h1")?.textContent || kept.title;
      found.push({ url: request.url, title, lang, dir, at: kept.documentElement.dataset.keptAt });
    }
    return found;
  }

  async function forget(url) {
    await (await caches.open(KEPT)).delete(url);
    if (!(await pages()).length) await forgetEverything();
  }

  async function forgetEverything() {
    await caches.delete(KEPT);
    for (const registration of await navigator.serviceWorker.getRegistrations()) await registration.unregister();
  }

  async function keep(url) {
    await navigator.serviceWorker.register(box.dataset.worker, { scope: "/" });
    const { active } = await navigator.serviceWorker.ready;
    const kept = await new Promise((answer) => {
      const line = new MessageChannel();
      line.port1.onmessage = (event) => answer(event.data.kept);
      active.postMessage({ keep: url }, [line.port2]);
    });
    if (!kept && !(await pages()).length) await forgetEverything();
    return kept;
  }

  async function offer() {
    const url = location.origin + location.pathname;
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    const draw = async (words = "") => {
      const kept = await has(url);
      const act = kept
        ? button(box.dataset.remove, async () => { await forget(url); await draw(box.dataset.removed); })
        : button(box.dataset.keep, async () => { const done = await keep(url).catch(() => false); await draw(done ? box.dataset.kept : box.dataset.failed); });
      const all = document.createElement("a");
      all.href = box.dataset.list;
      all.textContent = box.dataset.all;
      said.textContent = words || (kept ? box.dataset.kept : "");
      box.replaceChildren(said, act, ...(kept ? [" ", all] : []));
      if (words) act.focus();
    };
    await draw();
    box.hidden = false;
  }

  async function show() {
    const found = await pages();
    list.replaceChildren(
      ...found.map((one) => {
        const row = document.createElement("li");
        const link = document.createElement("a");
        const since = document.createElement("span");
        link.href = one.url;
        link.lang = one.lang;
        link.dir = one.dir;
        link.textContent = one.title;
        since.className = "note";
        since.textContent = `${list.dataset.since} ${inWords(one.at)}`;
        const remove = button(list.dataset.remove, async () => { await forget(one.url); await show(); });
        remove.setAttribute("aria-label", `${list.dataset.remove}: ${one.title}`);
        row.append(link, since, remove);
        return row;
      }),
    );
    const everything = document.getElementById("kept-everything");
    everything.replaceChildren(
      ...(found.length ? [button(list.dataset.removeAll, async () => { await forgetEverything(); await show(); })] : []),
    );
    document.getElementById("kept-nothing").hidden = Boolean(found.length);
    document.getElementById("kept-without").hidden = true;
  }

  if (page.dataset.keptAt) {
    const banner = document.getElementById("kept-banner")?.content.cloneNode(true);
    if (banner) {
      banner.querySelector("[data-since]").textContent = inWords(page.dataset.keptAt);
      document.getElementById("main").prepend(banner);
    }
  }
  if (box) offer();
  if (list) show();
})();
