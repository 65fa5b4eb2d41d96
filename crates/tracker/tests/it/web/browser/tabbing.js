// Everything that a keyboard must reach, in the order of the document; and a note of what it does reach.
const stops = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")];
const reachable = stops.filter((e) => e.checkVisibility() && !e.closest("details:not([open]) > :not(summary)"));
window.stops = reachable;
window.visits = [];
document.addEventListener("focusin", (event) => {
  const style = getComputedStyle(event.target);
  const box = event.target.getBoundingClientRect();
  window.visits.push({
    index: reachable.indexOf(event.target),
    name: event.target.outerHTML.slice(0, 120),
    seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  });
});
return reachable.length;
