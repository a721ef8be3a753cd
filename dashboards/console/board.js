// The overview of a site or of one of its pages: headlines, chart, panels, all from one request.
import { askView, Refusal } from './ask.js';
import * as chart from './chart.js';
import { counted, day, fullDay, METRICS, metricName, name, percent } from './format.js';
import { showPanel } from './lists.js';
import { $, el, write } from './page.js';
import { busyPages, filtersOf, obstacle, panels, queries } from './panels.js';
import { compared, days, grain, overOf, shift, wallClock } from './ranges.js';
import { address, filteredBy, onlyPage, OPERATORS, state, valueFilter } from './state.js';
import { known, labelled, t } from './words.js';

const HEADLINES = ['visitors', 'visits', 'pageviews', 'views_per_visit', 'bounce_rate', 'visit_duration', 'time_on_page', 'scroll_depth'];
const expanded = new Set();
/** First day with figures of each site. */
export const firstDays = new Map();
let data;
let pointed;

/** Metrics that the database can give under the filters. */
function headlines() {
  const value = valueFilter();
  const page = state.filters.some(([, dimension]) => dimension === 'event:page');
  if (value && (value[1] === 'event:name' || value[1].startsWith('event:props:'))) return ['events', 'visitors'];
  if (value && page) return ['visitors', 'pageviews'];
  if (value) return ['visitors', 'visits', 'pageviews', 'bounce_rate', 'visit_duration'];
  return page ? HEADLINES.filter((metric) => metric !== 'views_per_visit') : HEADLINES;
}

/** Everything that determines the queries. With figures in tens, an unfinished day is published by the hour. */
export function context(site, tens) {
  const now = wallClock(site.timezone);
  const today = now.slice(0, 10);
  const range = days(state.range, today, { from: state.from, to: state.to, first: firstDays.get(site.name) });
  const other = compared(state.cmp, state.range, range, state.cmpfrom);
  const ofToday = range[0] === today;
  const hourly = tens && ofToday && !valueFilter();
  const names = !hourly ? headlines() : onlyPage() ? ['pageviews', 'visits'] : ['visitors', 'visits', 'pageviews'];
  // Only counts of the site and of its pages are stored by the hour.
  const step = hourly ? 'hour' : valueFilter() && grain(state.by, range) === 'hour' ? 'day' : grain(state.by, range);
  // A day under way is compared by its hours or not at all: a whole other day would make it look like a fall.
  const before = ofToday && step !== 'hour' ? undefined : other;
  const over = before && !ofToday && range[1] === today ? overOf(range, before) : undefined;
  return { site, now, today, ofToday, tens, hourly, range, before, over, uncompared: Boolean(other && !before), names, step, metric: names.includes(state.metric) ? state.metric : names[0] };
}

/** The hours of a day as a range, answered from figures published by the hour. */
const hoursOf = (date) => [`${date}T00:00:00`, `${date}T23:00:00`];

/** Days before today among which the latest closed one is. */
const CLOSED_LOOK = 3;

function ask(of, shown, base) {
  const filters = filtersOf();
  const hourly = of.names.filter((metric) => ['visitors', 'visits', 'pageviews'].includes(metric));
  const overTime = of.step === 'hour' ? hourly : of.names;
  const series = (date_range) => ({ ...base, date_range, filters, metrics: overTime, dimensions: [`time:${of.step}`], include: { time_labels: true }, pagination: { limit: 5000 } });
  const asked = {
    series: series(of.range),
    ...(!of.hourly && { whole: { ...base, filters, metrics: of.names } }),
    ...(of.before && { ...(!of.ofToday && { before: { ...base, date_range: of.over?.before ?? of.before, filters, metrics: of.names } }), seriesBefore: series(of.before) }),
    ...(of.over && { over: { ...base, date_range: of.over.range, filters, metrics: of.names } }),
    ...(of.ofToday && { closed: { ...base, date_range: [shift(of.today, -CLOSED_LOOK), shift(of.today, -1)], metrics: ['visitors', 'visits', 'pageviews'], dimensions: ['time:day'] } }),
    ...(!firstDays.has(of.site.name) && { first: { ...base, table: 'first_day', date_range: 'all' } }),
  };
  for (const panel of shown) if (!obstacle(panel.chosen)) Object.assign(asked, queries(panel.chosen, base, panel.id, expanded.has(panel.id) ? 100 : undefined));
  return askView(asked);
}

/** Asks and shows. */
export async function refresh(site, { marketing, tens }, go, current) {
  const of = context(site, tens);
  const shown = of.hourly ? busyPages() : panels(site, marketing);
  const base = { site_id: site.name, date_range: of.hourly ? hoursOf(of.today) : of.range };
  const { answers, annotations, now, filling } = await ask(of, shown, base);
  if (!current()) return;
  if (of.hourly && !answers.series.error) answers.whole = sumOf(answers.series);
  if (of.ofToday && of.step === 'hour') againstSameHours(of, answers);
  if (answers.over) answers.ended = answers.over.results?.[0]?.metrics ?? [];
  for (const key of ['whole', 'series']) if (answers[key].error) throw new Refusal(answers[key].unavailable ? 503 : 400, answers[key].error);
  // The first day moves while the demonstration's past fills.
  if (answers.first && !filling) firstDays.set(site.name, answers.first.rows?.[0]?.day ?? '');
  of.first = answers.first?.rows?.[0]?.day ?? firstDays.get(site.name);
  of.begun = beginsWithin(of.before, of.first);
  if (of.begun) for (const key of ['before', 'seriesBefore', 'over']) delete answers[key];
  showFilling(filling);
  showToday(of, answers.closed, now?.[site.name]);
  showFigures(of, answers, go);
  showChart(of, answers, annotations?.[site.name] ?? []);
  showFilters(go);
  const actions = {
    filter: (operator, dimension, value) => go({ filters: filteredBy(operator, dimension, value), ...(dimension === 'event:page' && operator === 'is' && { metric: 'pageviews' }) }, true),
    tab: (panel, tab) => go({ tabs: { ...state.tabs, [panel]: tab } }),
    expand: (panel) => { if (!expanded.delete(panel)) expanded.add(panel); go({}); },
    expanded,
  };
  const sections = $('panels');
  const wanted = shown.map(({ id }) => id).join();
  write(sections, wanted, () => shown.map((panel) => el('section', { className: `card panel panel-${panel.id}`, id: `panel-${panel.id}`, 'aria-label': t(panel.id) })));
  for (const panel of shown) showPanel($(`panel-${panel.id}`), panel, answers, base, actions);
  showNotes(of, answers.whole.meta);
}

/** The first day with figures if the comparison begins before it, else undefined: a part is not set against a whole. */
export const beginsWithin = (before, first) => (before && first && before[0] < first ? first : undefined);

/** The published hours of a day as one row. */
function sumOf({ results, meta, query }) {
  return { meta, query, results: [{ dimensions: [], metrics: query.metrics.map((_, at) => results.reduce((sum, row) => sum + (row.metrics[at] ?? 0), 0)) }] };
}

/** Sum of a day's hours that have ended by now, in an answer by the hour. */
export const endedHours = ({ results }, at, now) =>
  results.filter(({ dimensions: [label] }) => label.slice(11, 13) < now.slice(11, 13)).reduce((sum, { metrics }) => sum + metrics[at], 0);

/** A day under way is set against the same hours of the other day, as far as they have ended; rates against nothing. */
function againstSameHours(of, answers) {
  const ended = (answer) => of.names.map((metric) => {
    const at = answer.query.metrics.indexOf(metric);
    return at < 0 ? null : endedHours(answer, at, of.now);
  });
  answers.ended = answers.series.error ? undefined : ended(answers.series);
  answers.before = answers.seriesBefore?.results && { results: [{ metrics: ended(answers.seriesBefore) }] };
}

/** How far the demonstration's simulated past is. */
export function showFilling(filling) {
  $('filling').hidden = !filling;
  if (filling) $('filling').textContent = labelled(t('filling'), `${filling.days} / ${counted('days', filling.of)}`);
}

/** Beside today: the last half hour, the latest closed day, and when the rest of today comes. */
function showToday(of, closed, now) {
  $('today').hidden = !of.ofToday;
  if (!of.ofToday) return;
  const last = closed?.results?.findLast(({ metrics }) => metrics.some(Boolean));
  const words = ([visitors, visits, pageviews]) => [counted('visitors', visitors), ...(visits === undefined ? [] : [counted('visits', visits)]), counted('pageviews', pageviews)].join(' · ');
  const key = JSON.stringify([of.tens, now, last, state.lang, of.site.timezone]);
  write($('today'), key, () => [
    el('h2', { id: 'today-title', className: 'hidden' }, t('beside')),
    el('dl', {},
      el('div', {}, el('dt', {}, t('nowWord')), el('dd', {}, now && (now.visitors || now.pageviews) ? words([now.visitors, undefined, now.pageviews]) : t(of.tens ? 'nowFew' : 'nowNone'))),
      el('div', {}, el('dt', {}, last ? labelled(t('closedDay'), day(last.dimensions[0])) : t('closedDay')), el('dd', {}, last ? words(last.metrics) : t('closedNone')))),
    ...(of.tens ? [el('p', { className: 'soft' }, `${t('todayTens')} (${of.site.timezone || 'UTC'})`)] : []),
  ]);
}

function change(metric, now, before) {
  const kind = METRICS[metric];
  if (!Number.isFinite(now) || !Number.isFinite(before) || (!kind.rate && before < 10) || (kind.rate && !before)) return undefined;
  return Math.round(kind.points ? now - before : (now - before) / before * 100);
}

function showFigures(of, answers, go) {
  const values = answers.whole.results[0]?.metrics ?? [];
  const earlier = answers.before?.results?.[0]?.metrics ?? [];
  const old = new Map([...$('figures').querySelectorAll('button')].map((button) => [button.value, button.dataset.shown]));
  write($('figures'), JSON.stringify([of.names, values, earlier, of.metric, state.cmp, state.lang, onlyPage()]), () => of.names.map((metric, at) => {
    const difference = change(metric, (answers.ended ?? values)[at], earlier[at]);
    const better = METRICS[metric].less ? difference < 0 : difference > 0;
    const word = difference > 0 ? t('up') : t('down');
    const size = difference === undefined ? '' : METRICS[metric].points ? `${Math.abs(difference)}\u00a0pt` : percent(Math.abs(difference));
    const shown = values[at] === null || values[at] === undefined ? '–' : METRICS[metric].show(values[at]);
    const changed = difference === undefined ? el('span', { className: 'change' }) : el('span', { className: `change ${difference === 0 ? '' : better ? 'better' : 'worse'}`, title: `${t('against')} ${t(`cmp_${state.cmp}`)}` },
      el('span', { 'aria-hidden': 'true' }, `${difference > 0 ? '▲' : difference < 0 ? '▼' : '='} ${size}`),
      el('span', { className: 'hidden' }, ` ${word} ${size} ${t('against')} ${t(`cmp_${state.cmp}`)}`));
    const fresh = old.has(metric) && old.get(metric) !== JSON.stringify(values[at]);
    return el('li', {}, el('button', { type: 'button', value: metric, className: fresh ? 'figure fresh' : 'figure', 'aria-pressed': String(of.metric === metric), 'data-focus': metric, 'data-shown': JSON.stringify(values[at]), onclick: () => go({ metric }) },
      el('span', { className: 'label' }, metricName(metric, onlyPage())), el('strong', {}, shown), changed));
  }));
}

function showChart(of, answers, notes) {
  const { metrics } = answers.series.query;
  const metric = metrics.includes(of.metric) ? of.metric : metrics[0];
  const labels = (answer) => answer.meta.time_labels ?? answer.results.map((row) => row.dimensions[0]);
  const before = answers.seriesBefore?.results && { labels: labels(answers.seriesBefore), rows: answers.seriesBefore.results };
  const next = chart.series({ labels: labels(answers.series), rows: answers.series.results, before, index: metrics.indexOf(metric), grain: of.step, now: of.now, metric, from: of.range[0], first: of.first });
  const empty = next.values.every((value) => !value) && answers.whole.results.every(({ metrics: figures }) => !figures.some(Boolean));
  $('panels').hidden = empty && !of.hourly;
  $('chart-empty').hidden = !empty;
  $('chart-empty').textContent = t('noHits');
  const key = JSON.stringify([next, notes, state.theme, state.lang, matchMedia('(prefers-color-scheme: dark)').matches]);
  if (data?.key === key) return;
  // The sentence for the pointed period survives a refresh, but not another metric or range.
  if (data?.metric !== metric || data.labels.join() !== next.labels.join()) pointed = undefined;
  data = { ...next, key };
  $('chart-title').textContent = metricName(metric, onlyPage());
  showLegend(of, Boolean(next.earlier?.some((value) => value !== null)));
  $('chart-point').textContent = chart.sentence(data, pointed);
  chart.show($('chart'), data, notes, (at, marked) => {
    pointed = at ?? pointed;
    $('chart-point').textContent = chart.sentence(data, at ?? pointed, marked);
  });
  $('chart').setAttribute('aria-label', labelled(metricName(metric, onlyPage()), `${t('asTable')} ↓`));
  write($('series'), key, () => chart.table(data, metricName(metric, onlyPage()), t(`cmp_${state.cmp}`)));
  const inRange = notes.filter(({ day }) => day >= of.range[0] && day <= of.range[1]);
  write($('day-notes'), JSON.stringify([inRange, state.lang]), () => inRange.map((note) => el('li', {}, el('time', { dateTime: note.day }, fullDay(note.day)), ' ', note.text)));
}

/** Legend of the two lines of the chart. */
function showLegend(of, compares) {
  const days = ([from, to]) => (from === to ? day(from) : `${day(from)} – ${day(to)}`);
  const parts = compares && of.before ? [['now', days(of.range)], ['then', days(of.before)]] : [];
  const begun = of.begun ? [el('span', { className: 'begun' }, t('begun').replace('{day}', fullDay(of.begun)))] : [];
  $('legend').replaceChildren(...parts.map(([line, text]) => el('span', { className: `line-${line}` }, text)), ...begun);
}

/** Renders the filters as chips: the comparison can be changed; a value with `contains` can be edited. */
function showFilters(go) {
  write($('filters'), JSON.stringify([state.filters, state.lang]), () => state.filters.map(([operator, dimension, value], at) => {
    const put = (next) => go({ filters: state.filters.map((filter, index) => (index === at ? next : filter)) });
    const word = known(dimension) ? t(dimension) : dimension.replace(/^(visit|event):(props:)?/, '');
    return el('li', { className: 'chip' }, el('span', { className: 'soft' }, word),
      el('select', { 'aria-label': labelled(t('operator'), word), 'data-focus': `operator ${at}`, onchange: (event) => put([event.target.value, dimension, value]) },
        ...OPERATORS.map((one) => el('option', { value: one, selected: one === operator }, t(one)))),
      operator === 'contains' ? el('input', { value, 'aria-label': word, 'data-focus': `value ${at}`, onchange: (event) => put([operator, dimension, event.target.value]) }) : el('b', {}, name(dimension, value)),
      el('button', { type: 'button', className: 'plain', 'aria-label': labelled(t('remove'), name(dimension, value)), onclick: () => go({ filters: state.filters.filter((_, index) => index !== at) }) }, '✕'));
  }));
  const page = onlyPage();
  $('about').hidden = !page;
  $('about').textContent = page ? `${t('everythingAbout')} ${page}` : '';
}

function showNotes(of, meta) {
  const today = of.range[1] === of.today;
  const exact = meta.rounding === 1;
  const notes = [t(exact ? 'exact' : 'tens'), t('daily'), ...(today && !exact && !of.ofToday ? [t('todayTens')] : []), ...(of.ofToday && of.before && !of.begun ? [t('sameHours')] : []), ...(of.uncompared ? [t('noHours')] : []), ...(of.over && !of.begun ? [t('daysOver')] : []), ...(today ? [t('dashed')] : [])];
  write($('notes'), JSON.stringify(notes), () => notes.map((note) => el('li', {}, note)));
}

export const stepChart = chart.step;
export { address };
