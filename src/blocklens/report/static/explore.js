// The explorer: type a text and see its heads, live. Uses basics.js and matrix.js.
// `ask` sends {text} or {text, position} to Python (exploring/explorer.py) and gives its answer.

const SKELETON = `
<header class="top">
  <p class="kicker">blocklens explore</p>
  <h1 data-at="name"></h1>
  <label class="ex-text">Your text <textarea data-at="text" rows="3" spellcheck="false"></textarea></label>
  <p class="caption" data-at="status" role="status"></p>
</header>
<div class="ex-columns">
  <div class="ex-words">
    <h2>Text</h2>
    <p class="running" role="toolbar" aria-label="Tokens of the text" data-at="running"></p>
    <p class="readout" data-at="reading" aria-live="polite"></p>
    <div data-at="hidden" aria-live="polite"></div>
    <h2>Attention as lines</h2>
    <figure class="figure" data-at="lines"></figure>
  </div>
  <div class="ex-heads head-panel">
    <h2>All heads</h2>
    <div class="sheet" role="toolbar" aria-label="Attention maps of all heads" data-at="sheet"></div>
    <p class="caption">Every head's attention map, blocks from top to bottom: pick one.</p>
    <h3 data-at="title"></h3>
    <p data-at="label"></p>
    <div class="scroll" tabindex="0" role="region" aria-label="Scores of the head"><table class="plain" data-at="scores"></table></div>
    <h4>Anchor tokens</h4>
    <table class="anchors" data-at="anchors"></table>
    <p class="caption" data-at="told"></p>
  </div>
</div>
<div class="ex-maps">
  <div class="controls"><label><input type="checkbox" data-at="joined" checked> Join pieces into words</label></div>
  <figure class="figure matrix" data-at="attention"></figure>
  <figure class="figure matrix" data-at="similarity"></figure>
</div>`;

const FAINTEST = 0.04; // lines of less attention are left out

function explorer(root, facts, ask, linked) {
  const { element, number } = window.blocklens;
  root.innerHTML = SKELETON;
  const at = (name) => root.querySelector(`[data-at="${name}"]`);
  const percent = (share) => `${Number((100 * share).toPrecision(2))} %`;
  const state = { block: 1, head: 0, token: null };
  const flat = () => (state.block - 1) * facts.heads + state.head;
  let seen = null; // the last answer
  let attention = null; // of the chosen head, [tokens x tokens]

  // ---- asking: one question at a time, then the newest text

  let asking = false;
  async function type() {
    if (asking) return;
    asking = true;
    let text;
    do {
      text = at("text").value;
      const began = performance.now();
      const answer = await ask({ text }).catch((error) => ({ error: error.message }));
      if (answer.error) at("status").textContent = answer.error;
      else {
        await show(answer);
        const took = Math.round(performance.now() - began);
        const cut = answer.tokens.length >= facts.longest ? `, the first ${facts.longest} are shown` : "";
        const tokens = answer.tokens.length === 1 ? "token" : "tokens";
        at("status").textContent = `${answer.tokens.length} ${tokens}${cut}; ${took} ms`;
      }
    } while (at("text").value !== text);
    asking = false;
  }

  async function show(answer) {
    seen = answer;
    state.token = null;
    at("running").replaceChildren(...seen.tokens.flatMap(word));
    at("hidden").replaceChildren();
    await drawSheet(at("sheet"), { ...facts, maps: seen.attention, n: seen.tokens.length, state, pick });
    await showHead();
    root.setAttribute("data-shown", String(Number(root.dataset.shown || 0) + 1));
  }

  // ---- the running text

  const buttons = () => [...at("running").querySelectorAll("button")];

  function word(token, i) {
    const button = element("button", { type: "button", tabindex: i ? "-1" : "0" }, token);
    if (seen.special[i]) button.className = "special";
    button.addEventListener("click", () => choose(state.token === i ? null : i));
    return seen.spaced[i] && i ? [" ", button] : [button];
  }

  at("running").addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = step && buttons()[buttons().indexOf(event.target) + step];
    if (!next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });

  function partners(i) {
    const pairs = seen.pairs[flat()];
    return pairs.flatMap((one, k) => (one === i ? [pairs[k ^ 1]] : []));
  }

  function showPairs() {
    const counts = seen.tokens.map((_, i) => partners(i).length);
    const most = Math.max(1, ...counts);
    const near = state.token === null ? [] : partners(state.token);
    buttons().forEach((button, i) => {
      const depth = Math.round((45 * counts[i]) / most);
      button.style.background = depth ? `color-mix(in srgb, var(--accent) ${depth}%, transparent)` : "";
      button.setAttribute("aria-pressed", String(i === state.token));
      button.setAttribute("aria-label", `${seen.tokens[i]}, ${counts[i]} high pairs`);
      button.classList.toggle("partner", near.includes(i));
    });
    const total = seen.pairs[flat()].length / 2;
    at("reading").textContent =
      state.token === null
        ? `The bluer a token, the more of this head's ${total} high-similarity pairs it is in. Pick one to see its partners, and what each block predicts in its place.`
        : `“${seen.tokens[state.token]}” is a high pair with ${near.map((j) => `“${seen.tokens[j]}”`).join(", ") || "no token"} (outlined). It attends most to ${mostAttended(state.token)}.`;
  }

  function mostAttended(i) {
    const n = seen.tokens.length;
    const row = [...attention.slice(i * n, (i + 1) * n)].map((share, j) => [share, j]);
    row.sort((a, b) => b[0] - a[0]);
    return row.slice(0, 3).map(([share, j]) => `“${seen.tokens[j]}” ${percent(share)}`).join(", ");
  }

  async function choose(i) {
    state.token = i;
    showPairs();
    showLines();
    at("hidden").replaceChildren();
    if (i === null) return;
    if (facts.no_lens || seen.special[i]) {
      at("hidden").append(element("p", { class: "caption" }, facts.no_lens || "Special tokens are not hidden."));
      return;
    }
    const answer = await ask({ text: at("text").value, position: i }).catch((error) => ({ error: error.message }));
    if (state.token === i) at("hidden").replaceChildren(...(answer.error ? [element("p", {}, answer.error)] : predictions(i, answer)));
  }

  function predictions(i, answer) {
    const table = element("table", { class: "plain predictions" });
    const top = element("tr");
    for (const name of ["block", "its share", "rank", "predicted"]) top.append(element("th", { scope: "col" }, name));
    table.append(top);
    answer.blocks.forEach(({ share, rank, best }, block) => {
      const row = element("tr");
      const words = element("td", { class: "words" });
      best.forEach(([token, of]) => {
        const guess = element("span", { class: "guess" }, `${token} `);
        guess.append(element("span", {}, percent(of)));
        if (token === answer.true) guess.classList.add("right");
        words.append(guess, " ");
      });
      row.append(element("th", { scope: "row" }, String(block)), element("td", { class: "num" }, percent(share)), element("td", { class: "num" }, String(rank)), words);
      table.append(row);
    });
    const box = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Predictions of every block" });
    box.append(table);
    const parts = [element("h4", {}, `“${seen.tokens[i]}” hidden: what each block predicts`), box];
    parts.push(element("p", { class: "caption" }, "The encoder's own masked-LM head on each block's output (lens); block 0 is the embedding."));
    if (seen.known[i]) {
      const [apt, n, cluster] = seen.known[i];
      const others = cluster.filter((name) => name !== answer.true);
      const with_ = others.length ? ` Its cluster: ${others.join(", ")}.` : " It is in no cluster.";
      parts.push(element("p", {}, `APT of “${answer.true}” in the study: ${number(apt)} at ${n} modified occurrences.${with_}`));
    }
    return parts;
  }

  // ---- one head

  function pick(block, head) {
    if (linked) location.hash = `block=${block}&head=${head}`;
    else go(block, head);
  }

  function go(block, head) {
    Object.assign(state, { block, head });
    if (seen) showHead();
  }

  let turn = 0;
  async function showHead() {
    const mine = ++turn;
    const [now, n] = [flat(), seen.tokens.length];
    const [of, similar] = await Promise.all([attentionValues(seen.attention[now]), similarityValues(seen.similarity[now], n)]);
    if (mine !== turn) return;
    attention = of;
    markSheet(at("sheet"), now);
    at("title").replaceChildren(linked ? headLink(state.block, state.head) : `Block ${state.block}, head ${state.head}`);
    at("label").textContent = labelSentence(facts.labels && facts.labels[now]);
    at("told").textContent = facts.told;
    at("anchors").replaceChildren(...anchorRows((facts.anchors && facts.anchors[now]) || []));
    showScores(now);
    showPairs();
    showLines();
    showMaps(similar);
    root.setAttribute("data-head", `${state.block}.${state.head}`);
  }

  function showScores(now) {
    const runs = Object.keys(facts.runs);
    const top = element("tr");
    for (const name of ["observed / null", ...runs.map((run) => (run === "encoder" ? "this head" : run))]) top.append(element("th", { scope: "col" }, name));
    const rows = facts.statistics.map(({ key, shown }) => {
      const row = element("tr");
      row.append(element("th", { scope: "row" }, shown));
      for (const run of runs) {
        const entry = facts.runs[run][key];
        const low = entry?.low?.[now];
        const cell = element("td", { class: "num" }, entry ? number(entry.effect[now]) : "–");
        if (low != null) cell.append(element("span", {}, ` [${number(low)}, ${number(entry.high[now])}]`));
        row.append(cell);
      }
      return row;
    });
    at("scores").replaceChildren(top, ...rows);
  }

  // ---- words instead of pieces

  function units() {
    const { tokens, words, borders } = seen;
    if (!at("joined").checked) return { names: tokens, of: tokens.map((_, i) => i), borders };
    const names = [];
    tokens.forEach((token, i) => (names[words[i]] = (names[words[i]] || "") + token));
    return { names, of: words, borders: borders.map((border) => words[border]) };
  }

  // Of a word's pieces: attention to them is added up, all else is their mean.
  function joined(values, { names, of }, columnsAddUp) {
    const [n, m] = [of.length, names.length];
    const sums = new Float32Array(m * m);
    const pieces = new Float32Array(m);
    of.forEach((word) => pieces[word]++);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        sums[of[i] * m + of[j]] += values[i * n + j] / pieces[of[i]] / (columnsAddUp ? 1 : pieces[of[j]]);
      }
    }
    return sums;
  }

  function showMaps(similar) {
    const unit = units();
    drawMaps(at("attention"), at("similarity"), {
      name: `block ${state.block}, head ${state.head}`,
      where: "",
      unit: at("joined").checked ? "word" : "token",
      tokens: unit.names,
      borders: unit.borders,
      attention: joined(attention, unit, true),
      similarity: joined(similar, unit, false),
      bound: seen.similarity[flat()].bound,
      colours: facts.colours,
    });
  }

  // ---- lines from each word to those it attends to

  function showLines() {
    const unit = units();
    const n = unit.names.length;
    const values = joined(attention, unit, true);
    const chosen = state.token === null ? null : unit.of[state.token];
    const [pitch, width] = [19, Math.min(at("lines").clientWidth || 400, 560)];
    const edge = Math.min(120, width * 0.3);
    const picture = svg("svg", {
      width, height: n * pitch, viewBox: `0 0 ${width} ${n * pitch}`, role: "img", class: "lines",
      "aria-label": `Attention of block ${state.block}, head ${state.head} as lines from each word to those it attends to`,
    });
    const strands = svg("g", {});
    const paint = (row) => {
      strands.replaceChildren();
      for (let i = 0; i < n; i++) {
        if (row !== null && row !== i) continue;
        for (let j = 0; j < n; j++) {
          const share = values[i * n + j];
          if (share < (row === null ? FAINTEST : FAINTEST / 4)) continue;
          const [y, z] = [(i + 0.5) * pitch, (j + 0.5) * pitch];
          strands.append(svg("line", { x1: edge + 4, y1: y, x2: width - edge - 4, y2: z, "stroke-opacity": Math.min(1, share).toFixed(3) }));
        }
      }
      picture.querySelectorAll("text").forEach((text, k) => text.setAttribute("font-weight", k >> 1 === row ? "700" : "400"));
    };
    picture.append(strands);
    unit.names.forEach((name, i) => {
      const y = (i + 0.72) * pitch;
      picture.append(svg("text", { x: edge, y, "text-anchor": "end" }, shorten(name)), svg("text", { x: width - edge, y }, shorten(name)));
    });
    picture.addEventListener("pointermove", (event) => paint(Math.min(n - 1, Math.floor((event.offsetY / picture.clientHeight) * n))));
    picture.addEventListener("pointerleave", () => paint(chosen));
    paint(chosen);
    const words = element("figcaption", {}, `From left to right; the stronger a line, the more attention. Lines below ${percent(FAINTEST)} are left out. Point at a row, or pick a token above, to see it alone.`);
    at("lines").replaceChildren(picture, words);
  }

  // ---- start

  at("name").textContent = facts.name;
  at("text").value = facts.text;
  at("text").addEventListener("input", type);
  at("joined").addEventListener("change", showHead);
  let across = root.clientWidth;
  new ResizeObserver(() => {
    if (seen && root.clientWidth !== across) showHead();
    across = root.clientWidth;
  }).observe(root);
  const fromHash = () => {
    const match = /^#block=(\d+)&head=(\d+)$/.exec(location.hash);
    const [block, head] = match ? match.slice(1).map(Number) : [0, 0];
    if (block >= 1 && block <= facts.blocks && head < facts.heads) go(block, head);
    return block >= 1;
  };
  if (linked) window.addEventListener("hashchange", fromHash);
  if (!(linked && fromHash())) {
    const ratios = (facts.labels || []).map((entry) => entry?.ratio || 0);
    const best = Math.max(ratios.indexOf(Math.max(...ratios)), 0);
    go(Math.floor(best / facts.heads) + 1, best % facts.heads);
  }
  type();
}

// On the page: answers come from the server that sent it.
function explorePage() {
  const token = new URLSearchParams(location.search).get("token");
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
  async function ask(asked) {
    const answer = await fetch("answer", { method: "POST", headers, body: JSON.stringify(asked) }).catch(() => null);
    if (!answer) throw new Error("No answer: has blocklens explore been stopped? Start it again.");
    if (!answer.ok) throw new Error((await answer.text()) || `The explorer answered ${answer.status}.`);
    return answer.json();
  }
  explorer(document.getElementById("explorer"), JSON.parse(document.getElementById("blocklens-facts").textContent), ask, true);
}

// In a notebook: answers come over the widget's channel, told apart by a number.
function exploreWidget({ model, el }) {
  const waiting = new Map();
  let last = 0;
  model.on("msg:custom", ({ number, answer }) => {
    waiting.get(number)?.(answer);
    waiting.delete(number);
  });
  const ask = (asked) =>
    new Promise((resolve) => {
      waiting.set(++last, resolve);
      model.send({ ...asked, number: last });
    });
  el.classList.add("explorer");
  const root = document.createElement("div");
  el.append(root);
  explorer(root, model.get("facts"), ask, false);
}
