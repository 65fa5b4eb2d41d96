const page = document.documentElement;
if (page.scrollWidth <= page.clientWidth) return [];
const inside = (e) => [...function* () { for (let p = e.parentElement; p; p = p.parentElement) yield p; }()].some((p) => getComputedStyle(p).overflowX !== "visible");
const wide = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > page.clientWidth + 0.5 && !inside(e));
return [`${page.scrollWidth} > ${page.clientWidth}: ` + wide.slice(-3).map((e) => e.outerHTML.slice(0, 100)).join(" | ")];
