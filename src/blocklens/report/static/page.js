// The page's charts. Uses basics.js, which stands before it.

const { element, saveMenu } = window.blocklens;
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const specs = read("blocklens-specs");
const colours = read("blocklens-colours");

// A chart of one view takes the width of its column; small multiples keep theirs and scroll.
function fitted(spec, column) {
  if (spec.facet || spec.hconcat || spec.vconcat || typeof spec.width !== "number") return spec;
  const fit = { ...spec, width: "container", autosize: { type: "fit-x", contains: "padding" } };
  return column < 520 ? foldedLegends(fit) : fit;
}

// The same specification with its legends of symbols in two columns, for a narrow screen.
function foldedLegends(part) {
  return mapped(part, (key, value) => {
    if (key !== "legend" || !value || value.gradientLength) return undefined;
    return { ...value, columns: value.columns > 3 ? value.columns : Math.min(value.columns || 2, 2) };
  });
}

// The same specification with the page's colours in place of fixed ones: they follow dark mode and
// print. The stops of a continuous scale stay, as Vega computes with them.
function themed(part) {
  return mapped(part, (key, value, parent) => {
    if (key === "range" && Array.isArray(parent.domain) && typeof parent.domain[0] === "number") return value;
    return typeof value === "string" ? colours[value] : undefined;
  });
}

// A copy of nested objects; `change` may give another value for a key, or undefined to go deeper.
function mapped(part, change) {
  if (part === null || typeof part !== "object") return part;
  const copy = Array.isArray(part) ? [] : {};
  for (const [key, value] of Object.entries(part)) {
    if (key === "datasets") copy[key] = value;
    else copy[key] = change(key, value, part) ?? mapped(value, change);
  }
  return copy;
}

// `ast`: Vega interprets its expressions, so that the page may forbid making code from strings.
const options = {
  mode: "vega-lite",
  renderer: "svg",
  actions: false,
  ast: true,
  defaultStyle: false,
  tooltip: { disableDefaultStyle: true },
  logLevel: 1, // errors
};

async function draw(target, spec, name) {
  const figure = target.closest(".figure");
  const drawn = await window.vegaEmbed(target, themed(fitted(spec, target.clientWidth)), options);
  const picture = target.querySelector("svg");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", figure.querySelector("figcaption").firstChild.textContent.trim());
  offerExports(figure, spec, name);
  drawn.view.addEventListener("click", (event, item) => {
    const point = item && item.datum;
    if (point && point.head != null && point.block != null) {
      location.hash = `block=${point.block}&head=${point.head}`;
    }
  });
  target.setAttribute("data-drawn", "yes");
  return drawn;
}

// A menu after the caption that saves the chart as it stands in the study's figures.
function offerExports(figure, spec, name) {
  saveMenu(figure.querySelector("figcaption"), {
    SVG: () => save("svg"),
    PNG: () => save("png"),
  });
  async function save(format) {
    const { view } = await window.vegaEmbed(document.createElement("div"), spec, options);
    const href = await view.toImageURL(format, format === "png" ? 2 : 1);
    element("a", { href, download: `${name}.${format}` }).click();
  }
}

Object.assign(window.blocklens, { data: (id) => read(`blocklens-data-${id}`), draw });

function drawAll(within) {
  for (const chart of within.querySelectorAll(".chart[data-chart]:not([data-drawn])")) {
    if (!chart.clientWidth) continue; // in a closed part of the page, drawn when that is opened
    const name = chart.dataset.chart;
    draw(chart, specs[name], name).catch((error) => {
      chart.textContent = `This chart could not be drawn: ${error.message}`;
    });
  }
}

for (const part of document.querySelectorAll("details.more")) {
  part.addEventListener("toggle", () => drawAll(part));
}
// A link to something in a closed part opens it; so does printing.
function openAround(target) {
  for (let at = target?.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
}
const linked = () => {
  const target = document.getElementById(location.hash.slice(1));
  openAround(target);
  target?.scrollIntoView();
};
window.addEventListener("hashchange", linked);
window.addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details.more")) part.open = true;
});
drawAll(document);
if (location.hash) linked();
