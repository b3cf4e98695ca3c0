// A browser of one token's confusions and of the clusters that hold it.

const learned = window.blocklens.data("learned");
const make = window.blocklens.element;
const find = (id) => document.getElementById(id);
const MOST_SHOWN = 40;

function showToken(entry) {
  const [name, total, predictions] = entry;
  find("learned-token").textContent = `${name}: ${total.toLocaleString("en")} occurrences`;
  const most = Math.max(...predictions.map(([, count]) => count));
  find("learned-confusions").replaceChildren(
    ...predictions.map(([predicted, count]) => {
      const row = make("tr", { title: `${count} of ${total}` });
      const bar = window.blocklens.bar(count / most, predicted === name ? "bar right" : "bar");
      const link = make("button", { type: "button", class: "link" }, predicted);
      link.addEventListener("click", () => choose(predicted));
      const label = make("th", { scope: "row" });
      label.append(link);
      row.append(label, bar, make("td", { class: "num" }, `${((100 * count) / total).toFixed(1)} %`));
      return row;
    }),
  );
}

function showClusters(wanted) {
  const holding = (learned.clusters || []).filter(
    (tokens) => !wanted || tokens.some((token) => token.toLowerCase().includes(wanted)),
  );
  const items = holding.slice(0, MOST_SHOWN).map((tokens) => {
    const item = make("li");
    for (const token of tokens) {
      const chip = make("button", { type: "button", class: "chip" }, token);
      chip.addEventListener("click", () => choose(token));
      item.append(chip);
    }
    return item;
  });
  if (!items.length) items.push(make("li", { class: "none" }, "No cluster holds this token."));
  find("learned-clusters").replaceChildren(...items);
}

function choose(text) {
  find("learned-search").value = text;
  search();
}

function search() {
  const text = find("learned-search").value.trim();
  const lower = text.toLowerCase();
  if (learned.tokens) {
    const entry =
      learned.tokens.find(([name]) => name === text) ||
      learned.tokens.find(([name]) => name.toLowerCase().replace(/^(##|▁|Ġ)/, "") === lower) ||
      learned.tokens.find(([name]) => name.toLowerCase().startsWith(lower));
    if (entry) showToken(entry);
    else {
      find("learned-token").textContent = "No such token was measured often enough.";
      find("learned-confusions").replaceChildren();
    }
  }
  if (learned.clusters) showClusters(lower);
}

find("learned-search").addEventListener("input", search);
search();
