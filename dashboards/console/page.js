// Helpers that build elements. Text is never parsed as HTML.

export const $ = (id) => document.getElementById(id);

export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (key in made && key !== 'list' && key !== 'form') made[key] = value;
    else made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

const SVG = 'http://www.w3.org/2000/svg';

export function draw(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Renders `children` into `parent` only if `key` changed: nothing flickers or loses its focus. */
export function write(parent, key, make) {
  if (parent.dataset.key === key) return;
  const focus = parent.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  parent.dataset.key = key;
  parent.replaceChildren(...make());
  if (focus) parent.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
}

/** Saves `text` as a file on the reader's disk. */
export function download(name, text) {
  const link = el('a', { href: URL.createObjectURL(new Blob([text], { type: 'text/csv' })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export const csv = (rows) => rows.map((row) => row.map((cell) => (/[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : cell ?? '')).join(',')).join('\n') + '\n';
