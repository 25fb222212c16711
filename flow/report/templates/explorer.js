"use strict";
(() => {
  const rows = [...document.querySelectorAll("#explorer-table tbody tr")];
  const marks = [...document.querySelectorAll("#explorer-chart a.design")];
  const kinds = ["fps", "luts", "bits"];
  const of = (row, kind) => Number(row.dataset[kind]);
  const input = (kind) => document.getElementById(`explorer-${kind}`);
  const ends = Object.fromEntries(kinds.map((kind) => {
    const values = rows.map((row) => of(row, kind));
    return [kind, [Math.min(...values), Math.max(...values)]];
  }));
  // Sliders are logarithmic: designs differ by factors.
  const value = (kind) => {
    const [low, high] = ends[kind];
    const share = Number(input(kind).value) / 100;
    return share === 1 ? high : share === 0 ? low : low * Math.pow(high / low, share);
  };
  const show = () => {
    let count = 0;
    for (const kind of kinds) {
      const text = Math.round(value(kind)).toLocaleString("en");
      document.getElementById(`explorer-${kind}-shown`).textContent = text;
      input(kind).setAttribute("aria-valuetext", text);
    }
    for (const [number, row] of rows.entries()) {
      row.hidden = of(row, "fps") < value("fps") || of(row, "luts") > value("luts") || of(row, "bits") > value("bits");
      marks[number].classList.toggle("out", row.hidden);
      count += !row.hidden;
    }
    document.getElementById("explorer-count").textContent = `${count} of ${rows.length} designs are within these limits.`;
  };
  for (const kind of kinds) {
    if (ends[kind][0] === ends[kind][1]) input(kind).parentElement.hidden = true;
    input(kind).addEventListener("input", show);
  }
  document.getElementById("explorer-controls").hidden = false;
  show();
})();
