// A token x token matrix as one image, the tokens named on both sides, sentence borders drawn.

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, text = null) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
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
