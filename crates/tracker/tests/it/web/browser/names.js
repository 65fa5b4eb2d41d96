const found = [];
for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
  if (!field.labels.length && !field.getAttribute("aria-label")) found.push(`no label: ${field.outerHTML}`);
}
for (const element of document.querySelectorAll("a, button")) {
  if (!element.textContent.trim() && !element.getAttribute("aria-label")) found.push(`no name: ${element.outerHTML}`);
}
for (const table of document.querySelectorAll("table")) {
  if (!table.caption) found.push(`no caption: ${table.className}`);
  for (const th of table.querySelectorAll("th")) if (!th.scope) found.push(`no scope: ${th.outerHTML}`);
}
for (const drawing of document.querySelectorAll("svg")) {
  if (drawing.getAttribute("aria-hidden") !== "true" && !drawing.getAttribute("aria-label")) found.push(`no text: ${drawing.outerHTML.slice(0, 80)}`);
}
for (const shape of document.querySelectorAll("rect, circle, line, path")) {
  if (shape.children.length) found.push(`a shape that was not closed: ${shape.outerHTML.slice(0, 80)}`);
}
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) found.push(`id twice: ${id}`);
for (const reference of document.querySelectorAll("[aria-labelledby]")) {
  if (!document.getElementById(reference.getAttribute("aria-labelledby"))) found.push(`no such id: ${reference.getAttribute("aria-labelledby")}`);
}
for (const mark of ["header", "nav", "main", "footer"]) {
  if (!document.querySelector(mark)) found.push(`no ${mark}`);
}
if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
if (document.documentElement.lang !== "en") found.push("no language");
return found;
