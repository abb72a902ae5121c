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
  const fetched = fetch(event.request).then(async (fresh) => {
    // The network always wins: new words are kept in place of the old, a withdrawn page is not kept any more.
    if (fresh.status === 404 || fresh.status === 410) await cache.delete(event.request.url);
    else if (fresh.ok && !fresh.redirected && isPage(fresh)) await store(event.request.url, fresh.clone());
    return fresh;
  });
  event.waitUntil(fetched.catch(() => {}));
  const late = new Promise((_, fail) => setTimeout(fail, PATIENCE));
  return Promise.race([fetched, late]).catch(() => kept);
}

async function keep(url) {
  const fresh = await fetch(url, { cache: "no-cache", credentials: "omit" });
  if (!fresh.ok || fresh.redirected || !isPage(fresh)) throw new Error("not a page");
  await store(url, fresh);
}

// The page with the moment it was kept, and the styles, pictures and scripts it names.
async function store(url, response) {
  const html = await response.text();
  const cache = await caches.open(KEPT);
  const named = [...html.matchAll(/(?:href|src)="((?:\/static|\/media)\/[^"]+)"/g)].map((found) => found[1]);
  await Promise.all(
    [...new Set(named)].map(async (asset) => {
      if (!(await cache.match(asset, { ignoreVary: true }))) await cache.add(asset);
    }),
  );
  const stamped = html.replace("<html ", `<html data-kept-at="${new Date().toISOString()}" `);
  await cache.put(url, new Response(stamped, { headers: { "Content-Type": "text/html; charset=utf-8" } }));
}

function isPage(response) {
  return (response.headers.get("Content-Type") || "").startsWith("text/html");
}
