// Elements of the page: found by id, or made.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function element(tag, options = {}, ...children) {
  const { text, ...attributes } = options;
  return fill(document.createElement(tag), attributes, text, children);
}

export function shape(tag, options = {}) {
  const { text, ...attributes } = options;
  return fill(document.createElementNS(SVG, tag), attributes, text, []);
}

function fill(made, attributes, text, children) {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}
