// The page's charts, and what the sections' scripts share as `window.blocklens`.

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const specs = read("blocklens-specs");

// A chart of one view takes the width of its column; small multiples keep theirs and scroll.
function fitted(spec, column) {
  if (spec.facet || spec.hconcat || spec.vconcat || typeof spec.width !== "number") return spec;
  const fit = { ...spec, width: "container", autosize: { type: "fit-x", contains: "padding" } };
  return column < 520 ? foldedLegends(fit) : fit;
}

// The same specification with its legends of symbols in two columns, for a narrow screen.
function foldedLegends(part) {
  if (Array.isArray(part)) return part.map(foldedLegends);
  if (part === null || typeof part !== "object") return part;
  const entries = Object.entries(part).map(([key, value]) => {
    if (key === "datasets") return [key, value];
    if (key === "legend" && value && !value.gradientLength) return [key, { ...value, columns: value.columns > 3 ? value.columns : Math.min(value.columns || 2, 2) }];
    return [key, foldedLegends(value)];
  });
  return Object.fromEntries(entries);
}

async function draw(element, spec, name) {
  const drawn = await window.vegaEmbed(element, fitted(spec, element.clientWidth), {
    mode: "vega-lite",
    renderer: "svg",
    actions: false,
    logLevel: 1, // errors
  });
  offerExports(element, drawn.view, name);
  drawn.view.addEventListener("click", (event, item) => {
    const point = item && item.datum;
    if (point && point.head != null && point.block != null) {
      location.hash = `head=${point.block}.${point.head}`;
    }
  });
  element.setAttribute("data-drawn", "yes");
  return drawn;
}

// Two small buttons after the caption that save the chart as it stands.
function offerExports(chart, view, name) {
  const caption = chart.closest(".figure").querySelector("figcaption");
  const box = element("span", { class: "exports" });
  for (const format of ["svg", "png"]) {
    const button = element("button", { type: "button" }, format.toUpperCase());
    button.setAttribute("aria-label", `Save this chart as ${format.toUpperCase()}`);
    button.addEventListener("click", async () => {
      const href = await view.toImageURL(format, format === "png" ? 2 : 1);
      element("a", { href, download: `${name}.${format}` }).click();
    });
    box.append(button);
  }
  caption.querySelector(".exports")?.remove();
  caption.append(box);
}

// Three significant digits in plain notation, as the rest of the page prints them.
function number(value) {
  if (value == null || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4) return value.toExponential(1);
  return value.toFixed(Math.min(5, Math.max(0, 2 - Math.floor(Math.log10(size)))));
}

function element(tag, attributes = {}, text = null) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

const stopsToRgb = (stops) =>
  stops.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));

// A function from 0..1 to [r, g, b] along the given hex stops.
function ramp(stops) {
  const rgb = stopsToRgb(stops);
  return (share) => {
    const at = Math.min(1, Math.max(0, share)) * (rgb.length - 1);
    const low = Math.min(Math.floor(at), rgb.length - 2);
    return rgb[low].map((from, c) => Math.round(from + (rgb[low + 1][c] - from) * (at - low)));
  };
}

window.blocklens = { data: (id) => read(`blocklens-data-${id}`), draw, number, element, ramp };

for (const chart of document.querySelectorAll(".chart[data-chart]")) {
  const name = chart.dataset.chart;
  draw(chart, specs[name], name).catch((error) => {
    chart.textContent = `This chart could not be drawn: ${error.message}`;
  });
}
