// Panels as lists: a bar for each row; a click filters. Each panel offers its export and its query.
import { counted, METRICS, metricName, name, percent } from './format.js';
import { world } from './map.js';
import { csv, download, el, write } from './page.js';
import { asSql, obstacle, queries, ROWS, titleOf } from './panels.js';
import { spark } from './chart.js';
import { known, labelled, t } from './words.js';

/** Good up to the first, poor beyond the second: web.dev's thresholds. Milliseconds; cls in thousandths. */
const VITALS = { lcp: [2500, 4000], inp: [200, 500], cls: [100, 250], fcp: [1800, 3000], ttfb: [800, 1800] };

/** Rows of a tab: value and its figures. */
export function rowsOf(tab, answers, id) {
  if (tab.table && tab.spark) {
    const sums = new Map();
    for (const row of answers[`${id}:days`]?.rows ?? []) sums.set(row.name, (sums.get(row.name) ?? 0) + Number(row.hits));
    return [...sums].filter(([value, sum]) => sum > 0 && !tab.omits?.includes(value)).sort(([, a], [, b]) => b - a).map(([value, sum]) => [value, [sum]]);
  }
  if (tab.table) return (answers[id]?.rows ?? []).map((row) => [row.name, tab.metrics.map((metric) => Number(row[metric]))]);
  if (tab.groups) return tab.groups.map((group, at) => [group.name, answers[`${id}:${at}`]?.results?.[0]?.metrics ?? [0, 0], group]).sort((a, b) => b[1][0] - a[1][0]);
  if (tab.goals) {
    const all = (answers[`${id}:all`] ?? answers.whole)?.results?.[0]?.metrics[0] ?? 0;
    return tab.goals.map((goal, at) => {
      const visitors = (answers[`${id}:${at}`]?.results ?? []).reduce((sum, row) => sum + row.metrics[0], 0);
      return [goal.name, [visitors, all ? 100 * visitors / all : null], goal];
    });
  }
  const rows = (answers[id]?.results ?? []).map((row) => [row.dimensions[0], row.metrics]);
  return tab.vitals ? rows.filter(([metric]) => metric in VITALS).sort(([a], [b]) => Object.keys(VITALS).indexOf(a) - Object.keys(VITALS).indexOf(b)) : rows;
}

function figure(metric, value) {
  if (value !== null && value !== undefined) return METRICS[metric].show(value);
  return el('span', { className: 'withheld', title: t('withheld') }, el('span', { 'aria-hidden': 'true' }, '–'), el('span', { className: 'hidden' }, t('withheldWord')));
}

/** Figures by day for each name, for the small lines. */
function daysOf(answer) {
  const times = [...new Set((answer?.rows ?? []).map((row) => row.time))].sort();
  const found = new Map();
  for (const row of answer?.rows ?? []) {
    if (!found.has(row.name)) found.set(row.name, times.map(() => 0));
    found.get(row.name)[times.indexOf(row.time)] = Number(row.hits);
  }
  return found;
}

/** A metric by its name, period by period. */
function valuesOverTime(answer) {
  const found = new Map();
  for (const { dimensions: [, value], metrics: [figure] } of answer?.results ?? []) found.set(value, [...found.get(value) ?? [], figure ?? 0]);
  return found;
}

/** The filter that a click on a row sets; nothing where its figures are kept with nothing else. */
function pickOf(tab, value, shown) {
  const ofPages = (path) => (path.endsWith('*') ? ['contains', 'event:page', path.slice(0, -1)] : ['is', 'event:page', path]);
  if (tab.goals) return shown.action ? ['is', 'event:name', shown.action] : ofPages(shown.page);
  if (tab.groups) return shown.paths.length === 1 ? ['contains', 'event:page', shown.paths[0]] : undefined;
  const target = tab.picks ?? (tab.table || tab.vitals ? undefined : tab.dimension);
  return target && value !== '' && (!value.startsWith('(') || value === '(direct)') ? ['is', target, value] : undefined;
}

function list(panel, tab, rows, answers, choose) {
  const most = Math.max(...rows.map(([, figures]) => figures[0] ?? 0), 1);
  const sum = rows.reduce((total, [, figures]) => total + (figures[0] ?? 0), 0);
  const days = tab.spark && tab.table && daysOf(answers[`${panel.id}:days`]);
  const head = el('tr', {}, el('th', { scope: 'col' }, known(tab.head) ? t(tab.head) : tab.head),
    ...(days ? [el('th', { scope: 'col', className: 'wide' }, el('span', { className: 'hidden' }, t('by_day')))] : []),
    ...tab.metrics.map((metric) => el('th', { scope: 'col' }, metricName(metric, tab.dimension === 'visit:entry_page' || (tab.dimension === 'event:page' && !tab.from)))));
  const shown = rows.map(([value, figures, ofRow]) => {
    const written = name(tab.names ?? tab.dimension ?? '', value);
    const pick = pickOf(tab, value, ofRow);
    const label = pick
      ? el('button', { type: 'button', className: 'pick', title: `${t(pick[1] === 'event:page' && pick[0] === 'is' ? 'everythingAbout' : 'only')} ${written}`, 'data-focus': `${panel.id} ${value}`, onclick: (event) => choose(event.altKey && pick[0] === 'is' ? 'is_not' : pick[0], pick[1], pick[2]) }, written)
      : el('span', { title: tab.table ? labelled(written, t('keptAlone')) : written }, written);
    const first = el('th', { scope: 'row' }, label);
    first.style.setProperty('--share', `${(figures[0] ?? 0) / most * 100}%`);
    const share = ['visitors', 'visits', 'hits', 'events', 'pageviews'].includes(tab.metrics[0]) && sum ? percent(Math.round(100 * figures[0] / sum)) : '';
    return el('tr', {}, first, ...(days ? [el('td', { className: 'wide' }, spark(days.get(value) ?? [0]))] : []),
      ...figures.map((one, at) => el('td', { title: at === 0 && share ? share : undefined }, figure(tab.metrics[at], one))));
  });
  return el('table', { className: days ? 'with-days' : '' }, el('caption', { className: 'hidden' }, labelled(t(panel.id), titleOf(tab))), el('thead', {}, head), el('tbody', {}, ...shown));
}

/** Of the measurements of a load time, the shares that are good, middling and poor; a bucket lies below 2^(bucket / 4). */
function sharesOf(metric, buckets) {
  const [good, poor] = VITALS[metric];
  const counts = [0, 0, 0];
  for (const { metric: of, bucket, count } of buckets) if (of === metric) counts[2 ** (bucket / 4) <= good * 1.01 ? 0 : 2 ** (bucket / 4) <= poor * 1.01 ? 1 : 2] += Number(count);
  const sum = counts[0] + counts[1] + counts[2];
  return sum > 0 ? counts.map((one) => Math.round(100 * one / sum)) : undefined;
}

/** Load times beside their thresholds, how they are distributed, and their way over time. */
function vitals(rows, shares, days) {
  const written = (metric, value) => (metric === 'cls' ? (value / 1000).toFixed(2) : METRICS.p75.show(value));
  return el('ul', { className: 'vitals' }, ...rows.map(([metric, [p75, measured]]) => {
    const [good, poor] = VITALS[metric];
    const grade = p75 === null ? 'none' : p75 <= good ? 'good' : p75 <= poor ? 'middling' : 'poor';
    const parts = p75 === null ? undefined : sharesOf(metric, shares);
    const said = parts && parts.map((share, at) => `${percent(share)} ${t(['good', 'middling', 'poor'][at])}`).join(' · ');
    const bar = el('span', { className: 'scale', 'aria-hidden': 'true' }, ...(parts ?? []).map((share, at) => {
      const part = el('span', { className: ['good', 'middling', 'poor'][at] });
      part.style.setProperty('--share', `${share}%`);
      return part;
    }));
    return el('li', { className: `vital ${grade}`, title: `${t('good')} ≤ ${written(metric, good)} · ${t('poor')} > ${written(metric, poor)}` }, el('span', { className: 'label' }, name('event:timing', metric)),
      el('strong', {}, p75 === null ? '–' : written(metric, p75)), el('span', { className: 'grade' }, grade === 'none' ? t('withheldWord') : t(grade)),
      spark(days.get(metric) ?? [0]), bar, el('span', { className: 'soft' }, [said, counted('count', measured)].filter(Boolean).join(' · ')));
  }));
}

/** Menu of a panel: export, and the query as API request and as SQL. */
function menu(tab, rows, base, answers) {
  const copy = (text) => async (event) => {
    const button = event.currentTarget;
    await navigator.clipboard.writeText(text());
    button.textContent = t('copied');
  };
  const request = () => {
    const { q } = queries(tab, base, 'q', 100);
    return `curl ${location.origin}/api/${q?.table || !q ? 'view' : 'v2/query'} -H "Authorization: Bearer $SILLAGE_TOKEN" -H 'content-type: application/json' -d '${JSON.stringify(q && !q.table ? q : { queries: queries(tab, base, 'q', 100) }).replaceAll("'", "'\\''")}'`;
  };
  const table = () => csv([[t(tab.head), ...tab.metrics], ...rows.map(([value, figures]) => [value, ...figures])]);
  const close = (event) => { if (event.key === 'Escape') { event.currentTarget.open = false; event.currentTarget.querySelector('summary').focus(); } };
  return el('details', { className: 'menu', onkeydown: close }, el('summary', { 'aria-label': labelled(t('options'), titleOf(tab)), title: t('options') }, '⋯'),
    el('div', { className: 'drop' },
      el('button', { type: 'button', className: 'plain', onclick: () => download(`${base.site_id} ${tab.id} ${base.date_range.join(' ')}.csv`, table()) }, t('export')),
      el('button', { type: 'button', className: 'plain', onclick: copy(request) }, `${t('copy')} ${t('copyApi')}`),
      el('button', { type: 'button', className: 'plain', onclick: copy(() => asSql(tab, base)) }, `${t('copy')} ${t('copySql')}`)));
}

/** Renders a panel; `actions` holds the handlers of its clicks. */
export function showPanel(section, panel, answers, base, actions) {
  const tab = panel.chosen;
  const stands = obstacle(tab);
  const rows = stands ? [] : rowsOf(tab, answers, panel.id);
  const limit = actions.expanded.has(panel.id) ? 100 : ROWS;
  const sentence = stands || (answers[panel.id] ?? answers[`${panel.id}:days`])?.error || t(tab.empty ?? 'nothing');
  const key = JSON.stringify([tab.id, panel.tabs.length, rows, sentence, limit, document.documentElement.lang, base, answers[`${panel.id}:days`], answers[`${panel.id}:shares`]]);
  write(section, key, () => {
    const tabs = panel.tabs.length > 1 ? [el('div', { className: 'tabs', role: 'group', 'aria-label': t(panel.id) }, ...panel.tabs.map((one) => el('button', {
      type: 'button', className: 'tab', 'aria-pressed': String(one === tab), 'data-focus': `${panel.id} ${one.id}`, onclick: () => actions.tab(panel.id, one.id),
    }, titleOf(one))))] : [];
    const cut = rows.slice(0, limit);
    const body = !rows.length ? [el('p', { className: 'empty' }, sentence)]
      : tab.vitals ? [el('p', { className: 'soft p75' }, t('p75Note')), vitals(rows, answers[`${panel.id}:shares`]?.rows ?? [], valuesOverTime(answers[`${panel.id}:days`]))]
        : tab.map ? [world(rows.map(([code, [visitors]]) => [code, visitors]), (code) => actions.filter('is', 'visit:country', code)), list(panel, { ...tab, map: false }, rows.slice(0, 4), answers, actions.filter)]
          : [list(panel, tab, cut, answers, actions.filter)];
    const more = !tab.map && rows.length > ROWS ? [el('button', { type: 'button', className: 'plain more', 'data-focus': `${panel.id} more`, onclick: () => actions.expand(panel.id) }, limit > ROWS ? t('less') : t('more'))] : [];
    return [el('div', { className: 'panel-head' }, el('h2', {}, t(panel.id)), ...tabs, menu(tab, rows, base, answers)), el('div', { className: 'rows' }, ...body), ...more];
  });
}
