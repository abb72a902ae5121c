// The search of a copy without a server. It looks through the names in names.js, which is loaded with this page; what
// somebody types stays in their browser. Folding and ranking follow portal/publishing/folding.py and search.py.
(() => {
  const known = window.portalNames;
  const SHOWN = known.counted.length;
  const marks = new RegExp(`[${known.marks}]`, "g");
  const unspaced = new RegExp(known.unspaced, "g");

  const exchange = (text, letters) => [...text].map((letter) => letters[letter] ?? letter).join("");

  function fold(text) {
    const plain = exchange(exchange(text, known.before).normalize("NFKD").toLowerCase(), known.after);
    return plain.replace(marks, "").normalize("NFC").replace(/[^\p{L}\p{N}\p{M}]+/gu, " ").trim();
  }

  // Words; of scripts without spaces what stands together.
  function split(folded) {
    const words = folded.split(" ").flatMap((word) => word.split(unspaced)).filter(Boolean);
    const { article } = known;
    return words.map((word) => (article && word.startsWith(article) && word.length > 4 ? word.slice(article.length) : word));
  }

  const isUnspaced = (word) => new RegExp(`^${known.unspaced}$`).test(word);

  // How many letters differ (dropped, added, other, exchanged with the next): at most `most`, else more than that.
  function slips(one, other, most) {
    if (Math.abs(one.length - other.length) > most) return most + 1;
    let before = [], last = [...Array(other.length + 1).keys()];
    for (let i = 1; i <= one.length; i++) {
      const row = [i];
      for (let j = 1; j <= other.length; j++) {
        const same = one[i - 1] === other[j - 1];
        row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
        if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
          row[j] = Math.min(row[j], before[j - 2] + 1);
        }
      }
      before = last;
      last = row;
    }
    return last[other.length];
  }

  // How alike two names are, from 0 to 100: twice the letters they share in order, of all they have.
  function ratio(one, other) {
    let last = Array(other.length + 1).fill(0);
    for (let i = 1; i <= one.length; i++) {
      const row = [0];
      for (let j = 1; j <= other.length; j++) {
        row[j] = one[i - 1] === other[j - 1] ? last[j - 1] + 1 : Math.max(last[j], row[j - 1]);
      }
      last = row;
    }
    return one.length + other.length ? (200 * last[other.length]) / (one.length + other.length) : 100;
  }

  const pages = known.rows.map(([title, kind, address, summary, findable]) => {
    const names = findable.split("\n");
    return { title, kind: known.kinds[kind], address, summary, names, words: new Set(names.flatMap(split)) };
  });

  function has(page, word) {
    if (page.words.has(word)) return true;
    if (isUnspaced(word)) return page.names.some((name) => name.replaceAll(" ", "").includes(word));
    if (word.length < 3) return false;
    for (const own of page.words) if (own.startsWith(word)) return true;
    return false;
  }

  function likeness(page, asked, words) {
    let best = 0;
    page.names.forEach((name, place) => {
      const own = split(name);
      let score = ratio(asked, name) * 0.4;
      if (name === asked) score += 300;
      else if (name.startsWith(asked)) score += 200;
      else if (words.every((word) => own.includes(word))) score += 150;
      if (place && name !== asked) score -= 60;
      best = Math.max(best, score);
    });
    return best;
  }

  function ranked(found, asked) {
    const words = split(asked);
    const rows = found.map((page) => ({ page, score: likeness(page, asked, words) }));
    rows.sort((a, b) => b.score - a.score || a.page.title.length - b.page.title.length || (a.page.title < b.page.title ? -1 : 1));
    return rows.map((row) => row.page);
  }

  function find(typed) {
    const asked = fold(typed);
    const words = split(asked);
    if (!words.length) return null;
    const named = ranked(pages.filter((page) => words.every((word) => has(page, word))), asked);
    const speaks = (page) => {
      const said = (page.said ??= fold(page.summary));
      return words.every((word) => (isUnspaced(word) ? said.includes(word) : ` ${said} `.includes(` ${word} `)));
    };
    const mentions = pages.filter((page) => !named.includes(page) && speaks(page));
    if (named.length || mentions.length) return { named, mentions };
    return putRight(asked, words);
  }

  function putRight(asked, words) {
    const vocabulary = new Set(pages.flatMap((page) => [...page.words]));
    const meant = words.map((word) => {
      if (word.length < 4 || isUnspaced(word) || vocabulary.has(word)) return [word];
      const most = word.length < 6 ? 1 : 2;
      const near = [...vocabulary].map((own) => ({ own, far: slips(word, own, most) })).filter(({ far }) => far <= most);
      near.sort((a, b) => a.far - b.far || ratio(b.own, word) - ratio(a.own, word));
      return near.length ? near.slice(0, 4).map(({ own }) => own) : [word];
    });
    const any = (page) => meant.every((forms) => forms.some((form) => has(page, form)));
    const named = ranked(pages.filter(any), asked);
    if (!named.length) return { named: [], mentions: [] };
    const corrected = meant.map((forms) => forms.find((form) => has(named[0], form))).join(" ");
    return { named, mentions: [], corrected };
  }

  function line(page) {
    const made = document.createElement("li");
    const link = document.createElement("a");
    link.href = page.address + (location.protocol === "file:" ? "index.html" : "");
    link.textContent = page.title;
    const kind = document.createElement("span");
    kind.className = "tag";
    kind.textContent = page.kind;
    made.append(link, " ", kind);
    if (page.summary) {
      const summary = document.createElement("span");
      summary.className = "note";
      summary.textContent = page.summary;
      made.append(summary);
    }
    return made;
  }

  function show(typed) {
    const found = find(typed);
    if (!found) return;
    const pagesShown = found.named.slice(0, SHOWN);
    const mentions = found.mentions.slice(0, SHOWN - pagesShown.length);
    const count = pagesShown.length + mentions.length;
    const said = found.corrected ? known.corrected : count ? known.counted[count - 1] : known.none;
    document.getElementById("search-begin").hidden = true;
    document.getElementById("search-said").textContent = said
      .replace("{words}", () => typed)
      .replace("{meant}", () => found.corrected);
    document.getElementById("search-pages").replaceChildren(...pagesShown.map(line));
    const more = document.getElementById("search-mentions");
    more.hidden = !mentions.length;
    more.querySelector("ul").replaceChildren(...mentions.map(line));
    document.getElementById("search-try").hidden = Boolean(count);
    document.getElementById("search-lists").hidden = Boolean(count);
    const elsewhere = document.getElementById("search-elsewhere");
    elsewhere.hidden = Boolean(count);
    for (const link of document.querySelectorAll("#search-elsewhere a, .languages a")) link.hash = new URLSearchParams({ q: typed });
  }

  function suggest(typed) {
    const named = (find(typed)?.named ?? []).slice(0, known.suggested.length);
    const suggestions = named.map((page) => ({ title: page.title, kind: page.kind, url: known.search + page.address }));
    return { suggestions, said: named.length ? known.suggested[named.length - 1] : "" };
  }

  window.portalSearch = { fold, find, suggest };

  // Behind "#" the words go to no server, not even to one that keeps a list of addresses.
  const form = document.querySelector(".search-form");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign(`${form.action}#${new URLSearchParams(new FormData(form))}`);
  });

  function answer() {
    const given = new URLSearchParams(location.hash.slice(1) || location.search);
    const asked = (given.get("q") ?? "").slice(0, 200).split(/\s+/).join(" ").trim();
    document.getElementById("q").value = asked;
    if (asked) show(asked);
  }

  if (!document.getElementById("search-pages")) return;
  window.addEventListener("hashchange", answer);
  answer();
})();
