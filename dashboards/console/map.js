// The world map: the more visitors, the darker the country. The list beside it has the same figures.
import { COUNTRIES, SIZE } from './vendor/world.js';
import { count, name } from './format.js';
import { draw } from './page.js';
import { labelled, t } from './words.js';

/** The map of `rows` (code, figure); a click on a country calls `choose`. */
export function world(rows, choose) {
  const figures = new Map(rows);
  const most = Math.max(...figures.values(), 1);
  const shapes = Object.entries(COUNTRIES).map(([code, path]) => {
    const value = figures.get(code) ?? 0;
    // The square root keeps small countries visible beside a large one, in six shades.
    const shade = value ? 1 + Math.min(5, Math.floor(5.99 * Math.sqrt(value / most))) : 0;
    const shape = draw('path', { d: path, class: `shade-${shade}`, 'data-code': code });
    shape.append(draw('title', {}, labelled(code.length === 2 ? name('visit:country', code) : code, count(value))));
    return shape;
  });
  const made = draw('svg', { viewBox: `0 0 ${SIZE.join(' ')}`, class: 'world', role: 'img', 'aria-label': labelled(t('map'), t('countries')) }, ...shapes);
  made.addEventListener('click', (event) => {
    const code = event.target.dataset.code;
    if (figures.has(code)) choose(code);
  });
  return made;
}
