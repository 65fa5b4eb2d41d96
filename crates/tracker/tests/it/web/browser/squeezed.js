const texts = [...document.querySelectorAll('caption, h1, h2, h3, p, li, th, td, dd, dt, summary, label')];
const squeezed = texts.filter((element) => {
  const box = element.getBoundingClientRect();
  const line = parseFloat(getComputedStyle(element).lineHeight) || 20;
  return element.textContent.trim().length > 12 && box.width > 1 && box.width < 40 && box.height > 4 * line;
});
return squeezed.map((element) => `${element.tagName} ${element.textContent.trim().slice(0, 40)}`);
