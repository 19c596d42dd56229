// Any two commits of the stored history, side by side. The figures are in the page itself.
(() => {
  const place = document.getElementById("choose-pair");
  const stored = document.getElementById("choose-pair-data");
  if (!place || !stored) return;
  const tracks = JSON.parse(stored.textContent);
  const SHORT = 8;
  const UNITS = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];  // times are stored in nanoseconds

  const element = (tag, text, properties = {}) => {
    const made = Object.assign(document.createElement(tag), properties);
    if (text !== undefined) made.append(text);
    return made;
  };

  const amount = (value, unit) => {
    if (unit !== "seconds" || value <= 0) return `${value} ${unit}`.trim();
    const [factor, name] = UNITS.find(([least]) => value >= least) || UNITS[UNITS.length - 1];
    return `${(value / factor).toPrecision(3)} ${name}`;
  };

  // [median, lower quartile, upper quartile], stored as [median, down to it, up to it]; what is counted has one.
  const spread = (figures) => {
    const [median, down, up] = Array.isArray(figures) ? figures : [figures, 0, 0];
    return [median, median - down, median + up];
  };

  const verdict = (base, head, unit, gate) => {
    const [b, bLow, bHigh] = spread(base), [h, hLow, hHigh] = spread(head);
    if (unit !== "seconds") return h === b ? "the same" : h > b ? "more" : "less";
    const apart = hLow > bHigh || bLow > hHigh;
    if (!apart || b <= 0 || h <= 0 || Math.abs(Math.log(h / b)) <= gate) return "no difference";
    return h > b ? "slower" : "faster";
  };
  const TONES = { slower: "slower", more: "slower", faster: "faster", less: "faster" };

  // What got worse first, then what got better, the largest first.
  const prominence = ([, unit, gate, figures], b, h) => {
    const tone = TONES[verdict(figures[b], figures[h], unit, gate)];
    const size = Math.abs(Math.log(spread(figures[h])[0] / spread(figures[b])[0]));
    const bounded = Math.min(Number.isNaN(size) ? 0 : size, 1e6);
    return (tone === "slower" ? 4e6 : tone === "faster" ? 2e6 : 0) + bounded;
  };

  const select = (name, options, chosen) => {
    const label = element("label", `${name} `);
    const made = element("select");
    options.forEach((text, value) => made.append(element("option", text, { value })));
    made.value = chosen;
    label.append(made);
    return [label, made];
  };

  const [trackLabel, trackChoice] = select(
    "Machine", tracks.map((t) => [t.machine, t.environment].filter(Boolean).join(", ")), 0);
  const commitLabel = element("span", undefined, { className: "pair" });
  const result = element("div");
  place.className = "choose";
  if (tracks.length > 1) place.append(trackLabel);
  place.append(commitLabel, result);
  let baseChoice, headChoice;

  const title = ([hash, subject, date]) => `${hash.slice(0, SHORT)} ${date} ${subject}`.slice(0, 80);

  const offer = (base, head) => {
    const titles = tracks[trackChoice.value].commits.map(title);
    let baseLabel, headLabel;
    [baseLabel, baseChoice] = select("Base", titles, base);
    [headLabel, headChoice] = select("Head", titles, head);
    commitLabel.replaceChildren(baseLabel, headLabel);
    for (const choice of [baseChoice, headChoice]) choice.addEventListener("change", () => chosen(true));
  };

  const cell = (figures, unit) => {
    const [value, low, high] = spread(figures);
    const made = element("td", amount(value, unit));
    made.dataset.value = value;
    if (low !== high) made.append(element("small", `${amount(low, unit)}–${amount(high, unit)}`));
    return made;
  };

  const row = ([name, unit, gate, figures], b, h) => {
    const made = element("tr", undefined, { className: "leads" });
    const said = verdict(figures[b], figures[h], unit, gate);
    const base = spread(figures[b])[0], head = spread(figures[h])[0];
    const ratio = element("td", base > 0 ? `${(head / base).toPrecision(3)} ×` : "");
    made.append(element("th", name, { scope: "row", className: "first" }));
    made.append(cell(figures[b], unit), cell(figures[h], unit), ratio);
    made.append(element("td", said, { className: `${TONES[said] || "same"} verdict` }));
    return made;
  };

  const chosen = (remember) => {
    const track = tracks[trackChoice.value];
    const b = Number(baseChoice.value), h = Number(headChoice.value);
    const [base, head] = [track.commits[b], track.commits[h]];
    const both = track.cases.filter(([, , , f]) => f[b] !== null && f[h] !== null)
      .sort((one, other) => prominence(other, b, h) - prominence(one, b, h));
    const table = element("table", undefined, { className: "wordy" });
    const caption = element("caption", undefined, { id: "chosen-pair" });
    const said = (commit) => {
      const link = element("a", commit[0].slice(0, SHORT));
      link.href = `${place.dataset.history}#${commit[3]}`;
      return link;
    };
    const words = element("span");
    words.append(said(head), " against ", said(base), `: ${both.length} cases with figures at both`);
    caption.append(words);
    const heads = element("tr");
    ["Case", base[0].slice(0, SHORT), head[0].slice(0, SHORT), "ratio", "verdict"].forEach((text, i) =>
      heads.append(element("th", text, { scope: "col", className: ["first", "num", "num", "num", ""][i] })));
    const top = element("thead"), body = element("tbody");
    top.append(heads);
    body.append(...both.map((one) => row(one, b, h)));
    table.append(caption, top, body);
    const scroll = element("div", table, { className: "scroll", tabIndex: 0 });
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-labelledby", "chosen-pair");
    result.replaceChildren(scroll);
    document.dispatchEvent(new CustomEvent("gem:table", { detail: table }));
    if (remember) location.hash = `${base[0].slice(0, 12)}..${head[0].slice(0, 12)}`;
  };

  // compare.html#<base>..<head> is a link to a pair; hashes may be cut short.
  const fromAddress = () => {
    const found = /^#([0-9a-f]{6,40})\.\.([0-9a-f]{6,40})$/.exec(location.hash);
    for (const [t, track] of found ? tracks.entries() : []) {
      const [b, h] = [found[1], found[2]].map((short) => track.commits.findIndex(([hash]) => hash.startsWith(short)));
      if (b < 0 || h < 0) continue;
      trackChoice.value = t;
      offer(b, h);
      chosen(false);
      return true;
    }
    return false;
  };

  const newest = () => {
    const { length } = tracks[trackChoice.value].commits;
    offer(length - 2, length - 1);
    chosen(false);
  };
  trackChoice.addEventListener("change", newest);
  window.addEventListener("hashchange", fromAddress);
  if (fromAddress()) document.getElementById("any").scrollIntoView();
  else newest();
})();
