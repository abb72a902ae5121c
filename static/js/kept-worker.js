// Pages that a reader asked to keep on this phone: shown when there is no network, refreshed whenever there is one.
// Registered by kept.js only when somebody asks, and unregistered with the last page. It looks at no other address.
const KEPT = "kept";
const PATIENCE = 5000; // ms: a slow network is no better than none to somebody who needs the page now

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin || url.pathname.startsWith("/admin/")) return;
  event.respondWith(answer(event));
});

self.addEventListener("message", (event) => {
  const done = keep(event.data.keep).then(
    () => event.ports[0].postMessage({ kept: true }),
    () => event.ports[0].postMessage({ kept: false }),
  );
  event.waitUntil(done);
});

async function answer(event) {
  const cache = await caches.open(KEPT);
  const kept = await cache.match(event.request.url, { ignoreVary: true });
  if (!kept) return fetch(event.request);
  // The copy is taken before the page is read, and nothing that happens to it (a full phone, a style sheet that is
  // missing in the middle of an upgrade) keeps the fresh words from a reader who is online.
  const fetched = fetch(event.request);
  event.waitUntil(fetched.then((fresh) => follow(event.request.url, fresh.clone())).catch(() => {}));
  const late = new Promise((_, fail) => setTimeout(fail, PATIENCE));
  return Promise.race([fetched, late]).catch(() => kept);
}

// The network always wins: new words are kept in place of the old, a withdrawn page is not kept any more.
async function follow(url, fresh) {
  if (fresh.status === 404 || fresh.status === 410) await (await caches.open(KEPT)).delete(url);
  else if (fresh.ok && !fresh.redirected && isPage(fresh)) await store(url, fresh);
}

async function keep(url) {
  const fresh = await fetch(url, { cache: "no-cache", credentials: "omit" });
  if (!fresh.ok || fresh.redirected || !isPage(fresh)) throw new Error("not a page");
  try {
    await store(url, fresh);
  } catch (incomplete) {
    await (await caches.open(KEPT)).delete(url);
    throw incomplete;
  }
}

// The page with the moment it was kept, then the styles, pictures and scripts it names: words before looks.
async function store(url, response) {
  const html = await response.text();
  const cache = await caches.open(KEPT);
  const stamped = html.replace("<html ", `<html data-kept-at="${new Date().toISOString()}" `);
  await cache.put(url, new Response(stamped, { headers: { "Content-Type": "text/html; charset=utf-8" } }));
  const named = [...html.matchAll(/(?:href|src)="((?:\/static|\/media)\/[^"]+)"/g)].map((found) => found[1]);
  await Promise.all(
    [...new Set(named)].map(async (asset) => {
      if (!(await cache.match(asset, { ignoreVary: true }))) await cache.add(asset);
    }),
  );
}

function isPage(response) {
  return (response.headers.get("Content-Type") || "").startsWith("text/html");
}
