// The console's other views: all sites, live, arrivals, compliance, health, install. Each queries when it is opened;
// live ones query again every two seconds.
import { ask, askView } from './ask.js';
import { spark } from './chart.js';
import { ago, count, counted, fullDay, kibibytes, moment, percent } from './format.js';
import { $, el, write } from './page.js';
import { beginsWithin, context, endedHours, firstDays } from './board.js';
import { COUNTED_OUTCOMES } from './panels.js';
import { address, state } from './state.js';
import { labelled, locale, t } from './words.js';

const section = (title, ...children) => el('section', { className: 'card desk' }, el('h2', {}, title), ...children);
/** A number and its word, the number in bold. */
const strongCount = (name, value) => [el('strong', {}, count(value)), counted(name, value).slice(count(value).length)];
const preformatted = (text) => el('pre', { tabIndex: 0 }, el('code', {}, text));

/** Lines of a proxy before the site, as in deploy/: every path of the collector that visitors ask for. */
const PROXY = String.raw`# nginx, inside the site's server block
location ~ ^/(js/sillage(\.[a-z]+)?\.js|api/event/?|pixel\.gif|privacy(\.json)?|opt-out)$ {
    proxy_pass http://127.0.0.1:8080;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr;
    access_log off;
}

# Caddy, inside the site's block
@sillage path_regexp ^/(js/sillage(\.[a-z]+)?\.js|api/event/?|pixel\.gif|privacy(\.json)?|opt-out)$
handle @sillage {
	reverse_proxy 127.0.0.1:8080
}

# sillage.toml: [collect]
trusted_proxies = ["127.0.0.1"]`;

/** All sites of the token: headline figure, small line, change. */
export async function sites(all, { tens }) {
  const asked = {};
  for (const site of all) {
    const { range, before, over, hourly, ofToday } = context(site, tens);
    const base = { site_id: site.name, date_range: range };
    asked[`${site.name} now`] = { ...base, metrics: ['visitors', 'pageviews', 'visits'], ...(hourly && { dimensions: ['time:hour'] }) };
    asked[`${site.name} days`] = { ...base, metrics: ['visitors'], dimensions: [range[0] === range[1] ? 'time:hour' : 'time:day'], include: { time_labels: true }, pagination: { limit: 1000 } };
    if (before && !firstDays.has(site.name)) asked[`${site.name} first`] = { ...base, table: 'first_day', date_range: 'all' };
    if (over) asked[`${site.name} over`] = { ...base, date_range: over.range, metrics: ['visitors'] };
    if (before) asked[`${site.name} before`] = { ...base, date_range: over?.before ?? before, metrics: ['visitors'], ...(ofToday && { dimensions: ['time:hour'] }) };
  }
  const { answers } = await askView(asked);
  const cards = all.map((site) => {
    const [visitors, pageviews, visits] = (answers[`${site.name} now`].results ?? []).reduce((sums, { metrics }) => sums.map((sum, at) => sum + metrics[at]), [0, 0, 0]);
    const { results = [], meta = {} } = answers[`${site.name} days`];
    const { ofToday, over, now } = context(site, tens);
    const other = answers[`${site.name} before`]?.results;
    const earlier = other && (ofToday ? endedHours({ results: other }, 0, now) : other[0]?.metrics[0]);
    const daysOver = over && (answers[`${site.name} over`].results?.[0]?.metrics[0] ?? 0);
    const current = ofToday ? endedHours({ results }, 0, now) : daysOver ?? visitors;
    const begun = beginsWithin(context(site, tens).before, answers[`${site.name} first`]?.rows?.[0]?.day ?? firstDays.get(site.name));
    const difference = earlier >= 10 && !begun ? Math.round(100 * (current - earlier) / earlier) : undefined;
    const found = new Map(results.map((row) => [row.dimensions[0], row.metrics[0]]));
    return el('li', {}, el('a', { className: 'card site-card', href: address({ view: 'overview', site: site.name, filters: [] }) },
      el('h2', {}, site.name), spark(closed(meta.time_labels ?? [], context(site, tens)).map((label) => found.get(label) ?? 0)),
      el('p', {}, ...strongCount('visitors', visitors), ' ', difference === undefined ? '' : el('span', { className: `change ${difference > 0 ? 'better' : difference < 0 ? 'worse' : ''}` }, `${difference > 0 ? '▲' : difference < 0 ? '▼' : '='} ${percent(Math.abs(difference))}`)),
      el('p', { className: 'soft' }, `${counted('visits', visits)} · ${counted('pageviews', pageviews)}`)));
  });
  const span = state.range === 'custom' ? `${fullDay(state.from)} – ${fullDay(state.to)}` : t(state.range);
  const beside = state.cmp === 'none' ? [] : [el('span', { className: 'soft' }, ` ${t('versus')} ${t(`cmp_${state.cmp}`)}`)];
  return [el('h1', {}, span, ...beside), el('ul', { className: 'site-cards' }, ...cards), el('p', { className: 'soft' }, t('daily'))];
}

/** The periods without the day that is under way: its few figures would look like a fall. */
const closed = (labels, { range, today }) => (range[0] !== range[1] && range[1] === today ? labels.slice(0, -1) : labels);

/** Arrivals of one site: sums by outcome, and counted hits by minute. */
function arrived(answer, site) {
  const { last, minutes } = answer.sites[site] ?? { last: null, minutes: [] };
  const sums = answer.outcomes.map((outcome, at) => [outcome, minutes.reduce((sum, minute) => sum + minute[at], 0)]);
  const counted = minutes.map((minute) => answer.outcomes.reduce((sum, outcome, at) => sum + (COUNTED_OUTCOMES.includes(outcome) ? minute[at] : 0), 0));
  return { last, sums: sums.filter(([, sum]) => sum), counted, since: last === null ? undefined : Math.max(0, answer.now - last) };
}

function arrivalsCard(answer, site) {
  const { sums, counted: minutely, since } = arrived(answer, site);
  const rows = sums.map(([outcome, sum]) => el('tr', {}, el('th', { scope: 'row' }, t(outcome)), el('td', {}, count(sum))));
  return section(t('arrivals'),
    el('p', { className: 'big' }, labelled(t('lastHit'), ''), el('strong', {}, since === undefined ? t('never') : ago(since))),
    ...(rows.length ? [spark(minutely), el('p', { className: 'soft' }, t('minutes')),
    el('table', {}, el('caption', { className: 'hidden' }, t('arrivals')), el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, t('outcome')), el('th', { scope: 'col' }, t('hits')))), el('tbody', {}, ...rows))] : [el('p', {}, t('noArrival'))]),
    el('p', { className: 'soft' }, t('arrivalsWhy')));
}

/** The last half hour of every site, drawn to tens if figures are in tens. */
export async function now(all, { tens }) {
  const answer = await ask('/api/arrivals');
  const cards = all.map(({ name: site }) => {
    const { visitors, pageviews } = answer.sites[site]?.now ?? { visitors: 0, pageviews: 0 };
    return el('li', {}, el('div', { className: 'card site-card' }, el('h2', {}, site),
      el('p', {}, ...strongCount('visitors', visitors), ' · ', ...strongCount('pageviews', pageviews)),
      ...(tens && !visitors ? [el('p', { className: 'soft' }, t('nowFew'))] : [])));
  });
  return [el('h1', {}, t(tens ? 'nowLastTens' : 'nowLast')), el('ul', { className: 'site-cards' }, ...cards), arrivalsCard(answer, state.site)];
}

/** How a site is measured, and the outcomes of its hits. */
export async function install(all) {
  const answer = await ask('/api/arrivals');
  const site = all.find(({ name: one }) => one === state.site);
  const declared = [[t('properties'), site.properties?.join(', ')], [t('goals'), site.goals?.map((goal) => goal.name).join(', ')], [t('groups'), site.groups?.map((group) => group.name).join(', ')]];
  return [
    section(t('snippet'), preformatted(`<script defer src="https://COLLECTOR/js/sillage.js" data-site="${site.name}"></script>`), el('p', { className: 'soft' }, t('snippetHost'))),
    arrivalsCard(answer, state.site),
    section(t('proxy'), preformatted(PROXY)),
    section(t('declared'), el('dl', {}, ...declared.flatMap(([word, value]) => [el('dt', {}, word), el('dd', {}, value || t('noneDeclared'))]))),
  ];
}

/** A sentence of the audit; `code` is marked with backticks. */
const sentence = (text) => el('p', { className: 'soft finding' }, ...text.split('`').map((part, at) => (at % 2 ? el('code', {}, part) : part)));

/** The audit's current result, and the notices. */
export async function conformity() {
  const { audit, texts } = await ask(`/api/conformity?lang=${state.lang}`);
  const rules = (audit.findings ?? []).map(({ rule, title, verdict, found, evidence, to_do }) => el('li', { className: `verdict-${verdict}` },
    el('p', { className: 'rule' }, el('span', {}, `${rule} `, el('span', { className: 'soft' }, title)), el('span', { className: 'verdict' }, el('span', { className: 'hidden' }, labelled(t('verdict'), '')), t(verdict))),
    ...(verdict === 'held' ? [] : [...found, ...to_do].map(sentence)),
    ...(evidence.length ? [el('details', { className: 'proof' }, el('summary', {}, t('evidence'), el('span', { className: 'hidden' }, ` ${rule}`)), ...evidence.map(sentence))] : [])));
  const notices = Object.entries(texts).map(([title, text]) => el('details', {}, el('summary', {}, t(title)), preformatted(text)));
  return [
    section(t('conformity'), el('p', { className: 'soft' }, t('selfAssessment')), el('ul', { className: 'rules' }, ...rules)),
    section(t('noticesToCopy'), ...notices),
  ];
}

/** When each kind of period was last released. */
function releasesCard({ protection, releases }) {
  const utc = (seconds) => `${new Date(seconds * 1000).toLocaleString(locale(), { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })} UTC`;
  const written = (kind, period) => (kind === 'hour' ? utc(Date.parse(`${period.slice(0, 16).replace(' ', 'T')}Z`) / 1000) : kind === 'month' ? moment(period.slice(0, 10), 'month', true) : fullDay(period.slice(0, 10)));
  const body = protection === 'exact' || !releases.length ? el('p', {}, t(protection === 'exact' ? 'releaseExact' : 'releaseNone'))
    : el('dl', {}, ...releases.flatMap(({ kind, period, at }) => [el('dt', {}, `${t(`by_${kind}`)} ${written(kind, period)}`), el('dd', {}, `${t('released')} ${utc(at)}`)]));
  return section(t('lastRelease'), body);
}

/** Spool, database and memory, from the probes and the metrics. */
export async function health() {
  const [ready, metrics, released] = await Promise.all([
    fetch('/health/ready').then((answer) => answer.json()),
    fetch('/metrics').then((answer) => (answer.ok ? answer.text() : '')),
    ask('/api/releases'),
  ]);
  const values = new Map([...metrics.matchAll(/^(sillage_\w+)(\{[^}]*\})? ([\d.e+-]+)$/gm)].map(([, metric, labels, value]) => [metric + (labels ?? ''), Number(value)]));
  const sum = (metric, label = '') => [...values].filter(([key]) => (key === metric || key.startsWith(`${metric}{`)) && key.includes(label)).reduce((total, [, value]) => total + value, 0);
  const lines = [
    [t('engine'), ready.engine ? t('up_word') : t('down_word'), ready.engine],
    [t('spool'), ready.spool ? t('ready') : t('notReady'), ready.spool],
    [labelled(t('spool'), t('waiting')), `${kibibytes(sum('sillage_spool_bytes'))}, ${count(sum('sillage_spool_oldest_seconds'))} s`, sum('sillage_spool_oldest_seconds') < 120],
    [t('failedInserts'), count(sum('sillage_store_errors_total')), sum('sillage_store_errors_total') === 0],
    [t('quarantined'), count(sum('sillage_quarantined_total')), sum('sillage_quarantined_total') === 0],
    [t('received'), count(sum('sillage_received_total'))],
    [t('openVisits'), count(sum('sillage_visits_active'))], [t('tags'), count(sum('sillage_tags'))],
  ];
  const outcomes = [...metrics.matchAll(/^sillage_hits_total\{[^}]*outcome="(\w+)"[^}]*\} (\d+)$/gm)].reduce((sums, [, outcome, value]) => (Number(value) ? sums.set(outcome, (sums.get(outcome) ?? 0) + Number(value)) : sums), new Map());
  return [
    section(t('health'), el('dl', { className: 'health' }, ...lines.flatMap(([word, value, good]) => [el('dt', {}, word), el('dd', { className: good === undefined ? '' : good ? 'good' : 'bad' }, value)]))),
    releasesCard(released),
    section(t('sinceStart'), outcomes.size ? el('dl', {}, ...[...outcomes].flatMap(([outcome, value]) => [el('dt', {}, t(outcome)), el('dd', {}, count(value))])) : el('p', { className: 'soft' }, t('never'))),
  ];
}

const PAGES = { sites, now, install, conformity, health };
export const LIVE = ['now', 'install', 'health'];

/** Renders the view that the state names. */
export async function refresh(all, facts, current) {
  const children = await PAGES[state.view](all, facts);
  if (!current()) return;
  write($('desk'), JSON.stringify([state.view, state.lang, children.map((child) => child.textContent)]), () => children);
}
