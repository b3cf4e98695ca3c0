// The blocks x heads grid and the panel of one head. Uses matrix.js, which stands before it.

const lens = window.blocklens;
const study = lens.data("heads");
const $ = (id) => document.getElementById(id);
const flat = (block, head) => (block - 1) * study.heads + head;
const diverging = lens.ramp(study.colours.diverging);
const state = { block: 1, head: 0 };

// Text on the light cells, in dark mode too; `UNCLEAR` where the interval includes 1.
const DARK = "#1d2630";
const UNCLEAR = "#5c6975";

// ---- grid

const cells = [];

function cellButton(block, head) {
  const button = lens.element("button", { type: "button", tabindex: "-1" });
  button.addEventListener("click", () => {
    location.hash = `block=${block}&head=${head}`;
  });
  button.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const to = [block + step[0], head + step[1]];
    if (to[0] < 1 || to[0] > study.blocks || to[1] < 0 || to[1] >= study.heads) return;
    button.tabIndex = -1;
    const next = cells[flat(...to)];
    next.tabIndex = 0;
    next.focus();
  });
  cells[flat(block, head)] = button;
  return button;
}

function buildGrid() {
  const table = $("heads-table");
  const heading = lens.element("tr");
  heading.append(lens.element("td"));
  for (let head = 0; head < study.heads; head++) {
    heading.append(lens.element("th", { scope: "col" }, String(head)));
  }
  heading.append(lens.element("th", { scope: "col", class: "whole" }, "block"));
  table.append(heading);
  for (let block = 1; block <= study.blocks; block++) {
    const row = lens.element("tr");
    row.append(lens.element("th", { scope: "row" }, String(block)));
    for (let head = 0; head < study.heads; head++) {
      const cell = lens.element("td", { role: "gridcell" });
      cell.append(cellButton(block, head));
      row.append(cell);
    }
    row.append(lens.element("td", { class: "whole", "data-block": block }));
    table.append(row);
  }
}

function paint(target, text, share, unclear, description) {
  target.textContent = text;
  if (share === null) {
    target.style.background = "";
    target.style.color = "";
  } else {
    target.style.background = `rgb(${diverging(share).join(",")})`;
    target.style.color = Math.abs(share - 0.5) > 0.36 ? "white" : unclear ? UNCLEAR : DARK;
  }
  target.title = description;
  target.setAttribute("aria-label", description);
}

const short = (value) => (value == null ? "" : String(Number(value.toPrecision(2))));

function paintEffects(run, key) {
  const { shown } = study.statistics.find((statistic) => statistic.key === key);
  const entry = study.runs[run][key];
  const bound = Math.log2(study.runs.encoder[key] ? study.runs.encoder[key].bound : entry.bound);
  const one = (target, name, at, suffix) => {
    const effect = entry["effect" + suffix][at];
    const low = entry["low" + suffix] && entry["low" + suffix][at];
    const high = entry["high" + suffix] && entry["high" + suffix][at];
    const range = low == null ? "" : ` [${lens.number(low)}, ${lens.number(high)}]`;
    const share = effect > 0 ? 0.5 + Math.log2(effect) / bound / 2 : null;
    const unclear = low != null && low <= 1 && high >= 1;
    paint(target, short(effect), share, unclear, `${name}, ${shown}: ${lens.number(effect)}${range}`);
  };
  for (let block = 1; block <= study.blocks; block++) {
    for (let head = 0; head < study.heads; head++) {
      one(cells[flat(block, head)], `Block ${block}, head ${head}`, flat(block, head), "");
    }
    const whole = document.querySelector(`#heads-table td[data-block="${block}"]`);
    one(whole, `Block ${block}`, block - 1, "_block");
  }
  const scale = (exponent) => `${lens.number(2 ** exponent)}`;
  const legend = gradientLegend(study.colours.diverging, scale(-bound), scale(bound));
  $("heads-legend").replaceChildren(lens.element("span", {}, "observed / null, log scale"), legend);
}

function paintLabels() {
  const used = new Map();
  const strongestRatio = Math.max(2, ...study.labels.map((entry) => (entry ? entry.ratio : 1)));
  study.labels.forEach((entry, at) => {
    const cell = cells[at];
    const label = entry ? entry.label : "";
    const colour = study.colours.labels[label] || "#5c6975";
    used.set(label, colour);
    const letters = label.split(/\s+/).map((word) => word[0]).join("");
    cell.textContent = letters;
    const strength = entry ? Math.log2(Math.max(entry.ratio, 1)) / Math.log2(strongestRatio) : 0;
    cell.style.background = colour + Math.round(30 + 130 * strength).toString(16).padStart(2, "0");
    cell.style.color = "";
    const block = Math.floor(at / study.heads) + 1;
    const description = entry
      ? `Block ${block}, head ${at % study.heads}: ${label} ${lens.number(entry.ratio)} [${lens.number(entry.low)}, ${lens.number(entry.high)}], next ${entry.runner_up} ${lens.number(entry.runner_up_ratio)}`
      : `Block ${block}, head ${at % study.heads}: no label`;
    cell.title = description;
    cell.setAttribute("aria-label", description);
  });
  for (const whole of document.querySelectorAll("#heads-table td.whole")) {
    paint(whole, "", null, false, "");
  }
  const items = [...used].filter(([label]) => label).map(([label, colour]) => {
    const item = lens.element("span", { class: "swatch" });
    const letters = lens.element("i", {}, label.split(/\s+/).map((w) => w[0]).join(""));
    letters.style.background = `${colour}4d`;
    item.append(letters, label);
    return item;
  });
  const note = lens.element("span", {}, "the deeper the colour, the larger the ratio");
  $("heads-legend").replaceChildren(...items, note);
}

// The statistic and the run that the grid is coloured by.
function chosen() {
  const key = $("heads-statistic").value;
  const chooser = $("heads-run");
  const run = key !== "label" && chooser && study.runs[chooser.value][key] ? chooser.value : "encoder";
  return { key, run };
}

function paintGrid() {
  const { key, run } = chosen();
  if ($("heads-run")) $("heads-run").disabled = key === "label";
  if (key === "label") paintLabels();
  else paintEffects(run, key);
  showChoice();
}

// ---- panel

// What the panel says of the chosen statistic and run at this head.
function showChoice() {
  const { key, run } = chosen();
  const at = flat(state.block, state.head);
  const words = $("head-choice");
  if (key === "label") {
    words.textContent = "";
    return;
  }
  const { shown } = study.statistics.find((statistic) => statistic.key === key);
  const told = (name) => {
    const entry = study.runs[name][key];
    const low = entry.low && entry.low[at];
    const range = low == null ? "" : ` [${lens.number(low)}, ${lens.number(entry.high[at])}]`;
    return `${lens.number(entry.effect[at])}${range}`;
  };
  const beside = run === "encoder" ? "" : `; of the encoder ${told("encoder")}`;
  const of = run === "encoder" ? "the encoder" : `the ${run}`;
  words.textContent = `Chosen: ${shown} of ${of}, ${told(run)}${beside}.`;
  $("head-encoder-only").hidden = run === "encoder";
}

function profileRows(at) {
  return study.statistics.map(({ key, shown }) => {
    const pick = (run) => (study.runs[run] && study.runs[run][key] ? study.runs[run][key].effect[at] : null);
    const entry = study.runs.encoder[key];
    return {
      statistic: shown,
      effect: entry.effect[at],
      low: entry.low[at],
      high: entry.high[at],
      untrained: pick("untrained twins"),
      shuffled: pick("shuffled tokens"),
    };
  });
}

// The template's one table of several rows is the chart's data; the others are its reference lines.
function withRows(template, rows, width) {
  const spec = structuredClone(template);
  const columns = Object.keys(rows[0]).join();
  for (const [name, old] of Object.entries(spec.datasets)) {
    if (Object.keys(old[0]).join() === columns) spec.datasets[name] = rows;
  }
  if (width) spec.width = width;
  return spec;
}

function showAnchors(at) {
  const rows = study.anchors ? study.anchors[at] : [];
  $("head-anchors-box").hidden = !rows.length;
  $("head-anchors").replaceChildren(...anchorRows(rows));
}

// ---- all heads' attention maps on the chosen text

function showSheet() {
  const chooser = $("heads-example");
  if (!chooser) return;
  const text = study.examples[Number(chooser.value)];
  const pick = (block, head) => {
    location.hash = `block=${block}&head=${head}`;
  };
  drawSheet($("heads-sheet"), { ...study, maps: text.attention, n: text.tokens.length, state, pick });
}

let turn = 0;

async function showMatrices() {
  const chooser = $("heads-example");
  if (!chooser) return;
  const mine = ++turn;
  const text = study.examples[Number(chooser.value)];
  const { tokens, borders } = text;
  const n = tokens.length;
  const at = flat(state.block, state.head);
  const packed = text.similarity[at];
  const [attention, similarity] = await Promise.all([
    attentionValues(text.attention[at]),
    similarityValues(packed, n),
  ]);
  if (mine !== turn) return;
  drawMaps($("matrix-attention"), $("matrix-similarity"), {
    name: `block ${state.block}, head ${state.head}`,
    where: ` of ${text.name}`,
    tokens,
    borders,
    attention,
    similarity,
    bound: packed.bound,
    colours: study.colours,
  });
}

async function showHead(block, head) {
  Object.assign(state, { block, head });
  const at = flat(block, head);
  cells.forEach((cell, index) => {
    cell.setAttribute("aria-pressed", String(index === at));
    cell.tabIndex = index === at ? 0 : -1;
  });
  markSheet($("heads-sheet"), at);
  $("head-title").replaceChildren(headLink(block, head));
  $("head-sentence").textContent = labelSentence(study.labels && study.labels[at]);
  showChoice();
  showAnchors(at);
  const name = `block-${block}-head-${head}`;
  await lens.draw($("head-profile"), withRows(study.templates.profile, profileRows(at)), `${name}-scores`);
  const distances = study.distances && study.distances.share[at];
  $("head-distances-figure").hidden = !distances;
  if (distances) {
    const nulls = study.distances.null;
    const null_ = nulls.length === 1 ? nulls[0] : nulls[at];
    const rows = distances.map((share, i) => ({
      start: study.distances.start[i],
      end: study.distances.end[i],
      share,
      null: null_[i],
    }));
    await lens.draw($("head-distances"), withRows(study.templates.distances, rows), `${name}-distances`);
  }
  await showMatrices();
  $("head-panel").setAttribute("data-head", `${block}.${head}`);
}

// ---- start

function fromHash() {
  const match = /^#block=(\d+)&head=(\d+)$/.exec(location.hash);
  if (!match) return false;
  const [block, head] = match.slice(1).map(Number);
  if (block < 1 || block > study.blocks || head >= study.heads) return false;
  showHead(block, head);
  return true;
}

function strongest() {
  const ratios = (study.labels || []).map((entry) => (entry && entry.ratio) || 0);
  const at = Math.max(ratios.indexOf(Math.max(...ratios)), 0);
  return [Math.floor(at / study.heads) + 1, at % study.heads];
}

buildGrid();
paintGrid();
$("heads-statistic").addEventListener("change", paintGrid);
if ($("heads-run")) $("heads-run").addEventListener("change", paintGrid);
if ($("heads-example")) {
  $("heads-example").addEventListener("change", () => {
    showMatrices();
    showSheet();
  });
}
window.addEventListener("hashchange", fromHash);
if (fromHash()) $("heads").scrollIntoView();
else showHead(...strongest());
showSheet();
