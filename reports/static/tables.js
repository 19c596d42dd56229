"use strict";
// Tables that can be sorted and filtered. Without this script they are as they were written.
(() => {
  const FEWEST_TO_SORT = 3, FEWEST_TO_FILTER = 16;

  const parse = (text) => {
    const plain = text.replace(/,/g, "").replace(/−/g, "-").trim();
    if (/^[<>]?\s*∞/.test(plain)) return Infinity;
    const found = /^[<>]?\s*(-?\d+(\.\d+)?(e[+-]?\d+)?)/i.exec(plain);
    return found ? Number(found[1]) : null;
  };

  // What a cell is sorted by: a number, a text, or null for what was not measured.
  const key = (cell) => {
    if (!cell || cell.classList.contains("missing")) return null;
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    const text = (cell.firstChild ? cell.firstChild.textContent : "").trim();
    const number = parse(text);
    return number === null ? cell.textContent.trim().toLowerCase() || null : number;
  };

  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === "number" || typeof b === "number") return typeof a === "number" ? -1 : 1;
    return a.localeCompare(b, "en", { numeric: true });
  };

  // A header that spans rows is repeated in each, so that rows can move on their own.
  const flatten = (body) => {
    const open = [];
    for (const row of body.rows) {
      row.classList.add("leads");
      for (const span of open) {
        const copy = span.cell.cloneNode(true);
        row.insertBefore(copy, row.cells[span.index] || null);
      }
      for (const span of open) span.left -= 1;
      for (let i = open.length - 1; i >= 0; i -= 1) if (open[i].left === 0) open.splice(i, 1);
      [...row.cells].forEach((cell, index) => {
        if (cell.rowSpan > 1) {
          const left = cell.rowSpan - 1;
          cell.removeAttribute("rowspan");
          if (cell.scope === "rowgroup") cell.scope = "row";
          open.push({ cell, index, left });
        }
      });
    }
  };

  // The cell below a column: a cell that spans columns stands for none of them.
  const cellAt = (row, column) => {
    let at = 0;
    for (const cell of row.cells) {
      if (at === column) return cell.colSpan > 1 ? null : cell;
      at += cell.colSpan;
      if (at > column) return null;
    }
    return null;
  };

  // The headers that stand above one column each, in the order of columns.
  const leaves = (head) => {
    if (head.rows.length === 1) return [...head.rows[0].cells];
    const [upper, lower] = head.rows;
    const below = [...lower.cells];
    return [...upper.cells].flatMap((th) => (th.rowSpan > 1 ? [th] : below.splice(0, th.colSpan)));
  };

  const prepared = new WeakSet();
  const prepare = (body) => {
    if (prepared.has(body)) return;
    prepared.add(body);
    flatten(body);
  };

  const sortBy = (table, th, column, heads) => {
    const body = table.tBodies[0];
    prepare(body);
    const down = th.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    th.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].map((row) => ({ row, key: key(cellAt(row, column)) }));
    rows.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
      return down ? compare(b.key, a.key) : compare(a.key, b.key);
    });
    body.append(...rows.map((one) => one.row));
  };

  const sortable = (table) => {
    const heads = leaves(table.tHead);
    heads.forEach((th, column) => {
      if (!th.textContent.trim()) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...th.childNodes);
      button.addEventListener("click", () => sortBy(table, th, column, heads));
      th.append(button);
    });
  };

  const filterable = (table, scroll) => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    const said = document.createElement("span");
    label.className = "filter";
    label.append("Rows with ", input, " ", said);
    input.type = "search";
    input.autocomplete = "off";
    input.setAttribute("aria-controls", table.caption ? table.caption.id : "");
    said.setAttribute("role", "status");
    input.addEventListener("input", () => {
      const body = table.tBodies[0];
      prepare(body);
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of body.rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      said.textContent = words.length ? `${shown} of ${body.rows.length}` : "";
    });
    scroll.before(label);
  };

  const improve = (table) => {
    // Rows that belong to the row above them stay where they are.
    if (!table.tHead || !table.tBodies.length || table.querySelector("td.paste")) return;
    const rows = table.tBodies[0].rows.length;
    if (rows >= FEWEST_TO_SORT) sortable(table);
    if (rows >= FEWEST_TO_FILTER) filterable(table, table.parentElement);
  };

  document.querySelectorAll("main .scroll > table").forEach(improve);
  document.addEventListener("gem:table", (event) => improve(event.detail));
})();
