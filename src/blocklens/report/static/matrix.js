// A token x token matrix as one image, the tokens named on both sides, sentence borders drawn.

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, text = null) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

// Bytes in base64, deflated but for those that begin with "=" (report/example_maps.py).
async function inflate(packed) {
  const plain = packed.startsWith("=");
  const bytes = Uint8Array.from(atob(plain ? packed.slice(1) : packed), (c) => c.charCodeAt(0));
  if (plain) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function attentionValues(packed) {
  const levels = await inflate(packed);
  return Float32Array.from(levels, (level) => (level / 255) ** 2);
}

// The lower triangle, 127 + 127 sign(s) sqrt(|s| / max), back to the full matrix.
async function similarityValues(packed, n) {
  const levels = await inflate(packed.data);
  const full = new Float32Array(n * n);
  for (let i = 0, at = 0; i < n; i++) {
    for (let j = 0; j <= i; j++, at++) {
      const share = (levels[at] - 127) / 127;
      full[i * n + j] = full[j * n + i] = Math.sign(share) * share * share * packed.max;
    }
  }
  return full;
}

function picture(values, n, colour) {
  const canvas = document.createElement("canvas");
  fill(canvas, values, n, colour);
  return canvas.toDataURL("image/png");
}

// One pixel an element.
function fill(canvas, values, n, colour) {
  canvas.width = canvas.height = n;
  const context = canvas.getContext("2d");
  const image = context.createImageData(n, n);
  for (let at = 0; at < n * n; at++) {
    const [r, g, b] = colour(values[at]);
    image.data.set([r, g, b, 255], at * 4);
  }
  context.putImageData(image, 0, 0);
}

const shorten = (token, most = 12) => (token.length > most ? token.slice(0, most - 1) + "…" : token);

// Draws into `figure`: title, a line that says what is under the pointer, the matrix, a caption.
function drawMatrix(figure, { title, caption, tokens, borders, values, colour, legend, describe }) {
  const { element, saveMenu } = window.blocklens;
  const n = tokens.length;
  const column = figure.clientWidth || 900;
  const longest = Math.max(...tokens.map((token) => shorten(token).length));
  const pitch = Math.max(11.5, Math.min(16, column / (n + 0.6 * longest + 1)));
  const font = 11;
  const margin = Math.ceil(longest * font * 0.58) + 6;
  const size = n * pitch;
  const root = svg("svg", {
    xmlns: SVG,
    width: margin + size + 1,
    height: margin + size + 1,
    viewBox: `0 0 ${margin + size + 1} ${margin + size + 1}`,
    role: "img",
    "aria-label": title,
    "font-family": "system-ui, sans-serif",
    "font-size": font,
    fill: "currentColor",
  });
  const image = svg("image", {
    x: margin,
    y: margin,
    width: size,
    height: size,
    href: picture(values, n, colour),
    preserveAspectRatio: "none",
    "image-rendering": "pixelated",
  });
  root.append(image);
  const rows = [];
  const columns = [];
  tokens.forEach((token, i) => {
    const middle = margin + (i + 0.5) * pitch;
    const shown = shorten(token);
    rows.push(svg("text", { x: margin - 4, y: middle + font * 0.35, "text-anchor": "end" }, shown));
    columns.push(
      svg(
        "text",
        { transform: `translate(${middle + font * 0.35} ${margin - 4}) rotate(-90)` },
        shown,
      ),
    );
  });
  root.append(...rows, ...columns);
  for (const border of borders) {
    const at = margin + border * pitch;
    const line = { stroke: "#1d2630", "stroke-width": 0.8, "stroke-opacity": 0.65 };
    root.append(
      svg("line", { x1: at, x2: at, y1: margin, y2: margin + size, ...line }),
      svg("line", { x1: margin, x2: margin + size, y1: at, y2: at, ...line }),
    );
  }
  const cross = svg("path", { fill: "none", stroke: "#1d2630", "stroke-opacity": 0.5 });
  cross.setAttribute("class", "cross");
  root.append(cross);

  const readout = element("p", { class: "readout" }, "Point at an element to read it.");
  let marked = [];
  const clear = () => {
    marked.forEach((label) => label.removeAttribute("font-weight"));
    marked = [];
    cross.setAttribute("d", "");
    readout.textContent = "Point at an element to read it.";
  };
  root.addEventListener("pointermove", (event) => {
    const box = root.getBoundingClientRect();
    const scale = (margin + size + 1) / box.width;
    const j = Math.floor(((event.clientX - box.left) * scale - margin) / pitch);
    const i = Math.floor(((event.clientY - box.top) * scale - margin) / pitch);
    clear();
    if (i < 0 || j < 0 || i >= n || j >= n) return;
    marked = [rows[i], columns[j]];
    marked.forEach((label) => label.setAttribute("font-weight", "700"));
    const [x, y] = [margin + j * pitch, margin + i * pitch];
    cross.setAttribute("d", `M${margin} ${y}h${size}v${pitch}h${-size}z M${x} ${margin}v${size}h${pitch}v${-size}z`);
    readout.textContent = describe(i, j, values[i * n + j]);
  });
  root.addEventListener("pointerleave", clear);

  const head = element("div", { class: "matrix-head" });
  head.append(element("h4", {}, title), legend);
  const words = element("figcaption", {}, caption);
  saveMenu(words, { SVG: save });
  function save() {
    clear();
    const blob = new Blob([new XMLSerializer().serializeToString(root)], { type: "image/svg+xml" });
    const link = element("a", {
      href: URL.createObjectURL(blob),
      download: title.toLowerCase().replace(/[^a-z0-9]+/g, "-") + ".svg",
    });
    link.click();
    URL.revokeObjectURL(link.href);
  }
  const box = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title });
  box.append(root);
  figure.replaceChildren(head, readout, box, words);
}

function gradientLegend(stops, low, high) {
  const { element } = window.blocklens;
  const box = element("span", { class: "gradient" });
  const bar = element("i");
  bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
  box.append(element("span", {}, low), bar, element("span", {}, high));
  return box;
}

// A head's attention map and context similarity, [tokens x tokens], with `bound` the end of the
// latter's colours; `unit` is what an element stands for.
function drawMaps(left, right, { name, where, unit = "token", tokens, borders, attention, similarity, bound, colours }) {
  const { number, ramp } = window.blocklens;
  const n = tokens.length;
  const most = attention.reduce((a, b) => Math.max(a, b), 1e-6);
  const [blue, both] = [ramp(colours.sequential), ramp(colours.diverging)];
  drawMatrix(left, {
    title: `Attention map, ${name}`,
    caption: `How much each ${unit} (row) attends to each ${unit} (column)${where}; lines are sentence borders, colour follows the square root.`,
    tokens,
    borders,
    values: attention,
    colour: (value) => blue(Math.sqrt(value / most)),
    legend: gradientLegend(colours.sequential, "0", number(most)),
    describe: (i, j, value) =>
      `${tokens[i]} (${i}) attends to ${tokens[j]} (${j}): ${number(value)}, ${number(value * n)} times even attention`,
  });
  drawMatrix(right, {
    title: `Context similarity, ${name}`,
    caption: `Scalar products of the head's output vectors, ${unit} by ${unit}${where}; blue is positive, orange negative, lines are sentence borders.`,
    tokens,
    borders,
    values: similarity,
    colour: (value) => both(0.5 + value / bound / 2),
    legend: gradientLegend(colours.diverging, number(-bound), number(bound)),
    describe: (i, j, value) => `${tokens[i]} (${i}) with ${tokens[j]} (${j}): ${number(value)}`,
  });
}

// All heads' attention maps of one text: blocks from top to bottom, a button each. `maps` are packed
// levels, heads in a flat list; `pick` is called with block and head.
async function drawSheet(sheet, { blocks, heads, maps, n, colours, state, pick }) {
  const { element, ramp } = window.blocklens;
  const all = await Promise.all(maps.map(inflate));
  const blue = ramp(colours.sequential);
  const shades = Array.from({ length: 256 }, (_, level) => blue(level / 255));
  sheet.style.gridTemplateColumns = `auto repeat(${heads}, minmax(0, 1fr))`;
  const parts = [element("span")];
  for (let head = 0; head < heads; head++) parts.push(element("span", {}, String(head)));
  all.forEach((levels, at) => {
    const [block, head] = [Math.floor(at / heads) + 1, at % heads];
    if (head === 0) parts.push(element("span", {}, String(block)));
    const name = `Block ${block}, head ${head}`;
    const most = levels.reduce((a, b) => Math.max(a, b), 1);
    const canvas = element("canvas", { role: "img", "aria-label": `Attention map, block ${block}, head ${head}` });
    fill(canvas, levels, n, (level) => shades[Math.round((level / most) * 255)]);
    const button = element("button", { type: "button", title: name, "aria-label": name, "data-at": at });
    button.addEventListener("click", () => pick(block, head));
    button.append(canvas);
    parts.push(button);
  });
  const focused = sheet.contains(document.activeElement);
  sheet.replaceChildren(...parts);
  sheet.onkeydown = (event) => {
    const buttons = [...sheet.querySelectorAll("button")];
    const step = { ArrowUp: -heads, ArrowDown: heads, ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = step && buttons[buttons.indexOf(event.target) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
  markSheet(sheet, (state.block - 1) * heads + state.head);
  if (focused) sheet.querySelector("button[tabindex='0']").focus();
}

function markSheet(sheet, at) {
  for (const button of sheet.querySelectorAll("button")) {
    const chosen = Number(button.dataset.at) === at;
    button.setAttribute("aria-pressed", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
  }
}

// ---- what is said of one head

const headLink = (block, head) =>
  window.blocklens.element("a", { class: "head-link", href: `#block=${block}&head=${head}` }, `Block ${block}, head ${head}`);

function labelSentence(entry) {
  const { number } = window.blocklens;
  if (!entry) return "";
  const range = entry.low == null ? "" : ` [${number(entry.low)}, ${number(entry.high)}]`;
  return `Mostly ${entry.label}: ${number(entry.ratio)}${range} times its null. Next comes ${entry.runner_up}, ${number(entry.runner_up_ratio)} times.`;
}

function anchorRows(rows) {
  const { element, bar } = window.blocklens;
  const most = Math.max(...rows.map((row) => row[2]), 1e-9);
  return rows.map(([token, texts, share]) => {
    const row = element("tr", { title: `${texts} ${texts === 1 ? "text" : "texts"}` });
    row.append(element("th", { scope: "row" }, token), bar(share / most), element("td", { class: "num" }, `${(100 * share).toFixed(1)} %`));
    return row;
  });
}
