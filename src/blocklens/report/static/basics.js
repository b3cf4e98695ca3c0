// What the pages' scripts share as `window.blocklens`.

function saveMenu(caption, formats) {
  const menu = element("details", { class: "save" });
  menu.append(element("summary", {}, "Save"));
  for (const [format, action] of Object.entries(formats)) {
    const button = element("button", { type: "button" }, format);
    button.addEventListener("click", action);
    menu.append(button);
  }
  caption.querySelector(".save")?.remove();
  caption.append(menu);
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

// A bar of the given share of its cell.
function bar(share, name = "bar") {
  const cell = element("td", { class: name });
  const strip = element("i");
  strip.style.width = `${100 * share}%`;
  cell.append(strip);
  return cell;
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

window.blocklens = { number, element, bar, ramp, saveMenu };
