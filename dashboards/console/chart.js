// The chart over time: the period, its comparison and notes on its days; an unfinished period is dashed. A table below
// it holds the same figures.
import uPlot from './vendor/uplot.js';
import { axis, METRICS, moment } from './format.js';
import { underWay } from './ranges.js';
import { el } from './page.js';
import { labelled, t } from './words.js';

const HEIGHT = 260;
let plot;
let observer;
let lastShown = 0;
let tell = () => {};

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Data of a chart: labels, figures, figures of the comparison, and the index of the unfinished label. */
export function series({ labels, rows, before, index, grain, now, metric, from, first }) {
  const nothing = METRICS[metric].rate ? null : 0;
  const found = new Map(rows.map((row) => [row.dimensions[0], row.metrics[index]]));
  const shown = labels.filter((label) => label <= now || underWay(label, grain, now));
  // Before the first figures there is no line, not a line of zeros.
  const begun = (at) => !first || at + 1 >= labels.length || labels[at + 1].slice(0, 10) > first;
  const values = labels.map((label, at) => (shown.includes(label) ? found.get(label) ?? (begun(at) ? nothing : null) : null));
  const earlier = before && labels.map((label, at) => {
    const named = before.labels[at];
    if (named === undefined) return null;
    return new Map(before.rows.map((row) => [row.dimensions[0], row.metrics[index]])).get(named) ?? nothing;
  });
  const open = shown.length && underWay(shown.at(-1), grain, now) ? shown.length - 1 : -1;
  // A week or month that begins before the range is as unfinished as the last one.
  const entered = labels.length > 1 && labels[0].slice(0, 10) < from;
  return { labels, beforeLabels: before?.labels, values, earlier, open, entered, grain, metric, shown: shown.length };
}

/** Draws the chart into `box`; `say` gets the index of the pointed period. */
export function show(box, data, notes, say) {
  plot?.destroy();
  observer?.disconnect();
  const { labels, values, earlier, open, entered, metric, grain } = data;
  lastShown = data.shown - 1;
  const whole = (at) => (open < 0 || at < open) && !(entered && at === 0);
  const closed = values.map((value, at) => (whole(at) ? value : null));
  const dashed = values.map((value, at) => (whole(at) && whole(at - 1) && whole(at + 1) ? null : value));
  const marked = labels.map((label) => notes.filter((note) => covers(label, note.day, labels, grain)));
  const few = labels.length < 3;
  tell = (at) => say(at, marked);
  const line = (options) => ({ spanGaps: false, points: { show: few, size: 7 }, width: 2.2, ...options });
  const options = {
    width: Math.max(box.clientWidth, 240), height: HEIGHT, legend: { show: false },
    cursor: { y: false, points: { size: 9 } },
    scales: { x: { time: false, range: (_, low, high) => (labels.length === 1 ? [-0.5, 0.5] : [low, high]) }, y: { range: (_, low, high) => [0, Math.max(high * 1.08, METRICS[metric].rate ? 1 : 4)] } },
    axes: [
      { stroke: color('--soft'), grid: { show: false }, ticks: { show: false }, values: (_, splits) => splits.map((at) => (Number.isInteger(at) && labels[at] ? moment(labels[at], grain) : '')), space: grain === 'hour' ? 60 : 80, size: 30, incrs: [1, 2, 3, 4, 6, 7, 12, 14, 24, 28, 48, 56, 91, 168, 364], font: '12px system-ui' },
      { stroke: color('--soft'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, values: (_, splits) => splits.map(axis(metric)), size: 58, font: '12px system-ui' },
    ],
    series: [{},
      line({ stroke: color('--before'), width: 1.5, points: { show: false } }),
      line({ stroke: color('--accent'), fill: color('--area') }),
      line({ stroke: color('--accent'), dash: [5, 5], points: { show: open === 0 } })],
    hooks: { draw: [(drawn) => drawNotes(drawn, marked)], setCursor: [(drawn) => say(drawn.cursor.idx, marked)] },
  };
  plot = new uPlot(options, [labels.map((_, at) => at), earlier ?? labels.map(() => null), closed, dashed], box);
  plot.root.querySelector('canvas').setAttribute('aria-hidden', 'true');
  observer = new ResizeObserver(() => { if (box.clientWidth > 0) plot.setSize({ width: box.clientWidth, height: HEIGHT }); });
  observer.observe(box);
}

/** Moves the pointer by `by` periods: for the arrow keys. */
export function step(by) {
  if (!plot) return;
  const at = Math.min(Math.max((plot.cursor.idx ?? (by > 0 ? -1 : lastShown + 1)) + by, 0), lastShown);
  plot.setCursor({ left: plot.valToPos(at, 'x'), top: HEIGHT / 3 });
  tell(at);
}

const covers = (label, day, labels, grain) => {
  if (grain === 'hour') return false;
  const next = labels[labels.indexOf(label) + 1];
  return day >= label.slice(0, 10) && (next === undefined ? grain === 'day' ? day === label.slice(0, 10) : true : day < next.slice(0, 10));
};

function drawNotes(drawn, marked) {
  const { ctx } = drawn;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = color('--note');
  ctx.setLineDash([3, 3]);
  marked.forEach((notes, at) => {
    if (!notes.length) return;
    const x = Math.round(drawn.valToPos(at, 'x', true));
    ctx.beginPath();
    ctx.moveTo(x, drawn.bbox.top);
    ctx.lineTo(x, drawn.bbox.top + drawn.bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.arc(x, drawn.bbox.top + 5, 5, 0, 7);
    ctx.fill();
  });
  ctx.restore();
}

/** Sentence beside the chart's title for the period `at`. */
export function sentence(data, at, marked) {
  if (at === null || at === undefined || at >= data.shown) return '';
  const { show: written } = METRICS[data.metric];
  const value = data.values[at];
  const earlier = data.earlier?.[at];
  const parts = [labelled(moment(data.labels[at], data.grain, true), value === null ? t('withheldWord') : written(value))];
  if (at === data.open) parts.push(`(${t('unfinished')})`);
  if (earlier !== undefined && earlier !== null) parts.push(`· ${labelled(moment(data.beforeLabels[at], data.grain, true), written(earlier))}`);
  for (const note of marked?.[at] ?? []) parts.push(`· ${note.text}`);
  return parts.join(' ');
}

/** Head and body of the table with the chart's figures. */
export function table(data, name, beforeName) {
  const { show: written } = METRICS[data.metric];
  const cell = (value) => el('td', {}, value === null || value === undefined ? '–' : written(value));
  const heads = [t('time'), name, ...(data.earlier ? [beforeName] : [])];
  return [
    el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', { scope: 'col' }, head)))),
    el('tbody', {}, ...data.labels.slice(0, data.shown).map((label, at) => el('tr', {},
      el('th', { scope: 'row' }, moment(label, data.grain, true) + (at === data.open ? ` (${t('unfinished')})` : '')), cell(data.values[at]), ...(data.earlier ? [cell(data.earlier[at])] : [])))),
  ];
}

/** A small line without axes, for a row of a list. */
export function spark(values) {
  const most = Math.max(...values, 1);
  const step = 100 / Math.max(values.length - 1, 1);
  const points = values.map((value, at) => `${(at * step).toFixed(1)},${(27 - 24 * value / most).toFixed(1)}`).join(' ');
  const made = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  made.setAttribute('viewBox', '0 0 100 28');
  made.setAttribute('preserveAspectRatio', 'none');
  made.setAttribute('class', 'spark');
  made.setAttribute('aria-hidden', 'true');
  const drawn = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  drawn.setAttribute('points', points);
  made.append(drawn);
  return made;
}
