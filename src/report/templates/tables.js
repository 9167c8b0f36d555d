(() => {
"use strict";
const number = text => {
  const found = text.replace(/,/g, "").replace(/\u2212/g, "-").match(/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?/i);
  return found ? Number(found[0]) : null;
};
const compare = (a, b) => {
  const x = number(a), y = number(b);
  if (x !== null && y !== null) return x - y;
  if (x !== null || y !== null) return x !== null ? -1 : 1;
  return a.localeCompare(b);
};
for (const table of document.querySelectorAll("main table")) {
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  if (rows.length < 3) continue;
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falls = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falls ? "descending" : "ascending");
      const text = row => row.cells[at] ? row.cells[at].textContent.trim() : "";
      rows.sort((a, b) => compare(text(a), text(b)) * (falls ? -1 : 1));
      body.append(...rows);
    });
  });
  if (rows.length < 16) continue;
  const filter = document.createElement("input");
  filter.type = "search";
  filter.placeholder = document.body.dataset.filter;
  filter.setAttribute("aria-label", document.body.dataset.filter);
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
  table.parentNode.before(filter);
}
})();
