// The built-in dashboard. It asks the console's own API, with the session's cookie, and shows what it is told: it never
// computes a figure that the server withheld, and it keeps nothing on the reader's device; what is chosen is in the
// address.

const METRICS = {
  visitors: { label: 'Daily visitors', show: count },
  visits: { label: 'Visits', show: count },
  pageviews: { label: 'Pageviews', show: count },
  views_per_visit: { label: 'Views per visit', show: decimal, wholeSite: true },
  bounce_rate: { label: 'Bounce rate', show: percent, rate: true },
  visit_duration: { label: 'Visit duration', show: duration, rate: true },
  time_on_page: { label: 'Time on page', show: duration, rate: true },
  scroll_depth: { label: 'Scroll depth', show: percent, rate: true },
  events: { label: 'Uses', show: count },
};
const HEADLINES = ['visitors', 'visits', 'pageviews', 'views_per_visit', 'bounce_rate', 'visit_duration', 'time_on_page', 'scroll_depth'];
const RANGES = { day: 'today', '7d': 'the last 7 days', '28d': 'the last 28 days', '12mo': 'the last 12 months' };
const PANELS = [
  ['Pages', [
    { tab: 'All', head: 'Page', dimension: 'event:page', metrics: ['pageviews', 'visitors', 'time_on_page', 'scroll_depth'], picks: true },
    { tab: 'Entry', head: 'Entry page', alone: true, dimension: 'visit:entry_page', metrics: ['visits', 'bounce_rate', 'visit_duration'], picks: true },
    { tab: 'Exit', head: 'Exit page', alone: true, dimension: 'visit:exit_page', metrics: ['visits'], picks: true },
  ]],
  ['Sources', [
    { tab: 'Referrers', head: 'Referrer', dimension: 'visit:referrer', metrics: ['visits', 'visitors', 'bounce_rate'] },
    { tab: 'Previous pages', head: 'Previous page', dimension: 'event:previous_page', metrics: ['pageviews'] },
  ]],
  ['Places', [
    { tab: 'Countries', head: 'Country', dimension: 'visit:country', metrics: ['visitors', 'pageviews', 'bounce_rate'], name: naming('region') },
    { tab: 'Languages', head: 'Language', dimension: 'visit:language', metrics: ['visitors', 'pageviews', 'bounce_rate'], name: naming('language') },
  ]],
  ['Devices', [
    { tab: 'Devices', head: 'Device', dimension: 'visit:device', metrics: ['visitors', 'pageviews', 'bounce_rate'], name: capital },
    { tab: 'Browsers', head: 'Browser', dimension: 'visit:browser', metrics: ['visitors', 'pageviews', 'bounce_rate'] },
    { tab: 'Systems', head: 'System', dimension: 'visit:os', metrics: ['visitors', 'pageviews', 'bounce_rate'] },
    { tab: 'Screens', head: 'Screen', dimension: 'visit:screen', metrics: ['visitors', 'pageviews', 'bounce_rate'], name: capital },
  ]],
  ['Actions', [{ tab: 'Actions', head: 'Action', dimension: 'event:name', metrics: ['events', 'visitors'] }]],
];
const CAME = { metrics: ['visits', 'visitors', 'bounce_rate'] };
const CAMPAIGNS = ['Campaigns', [
  { tab: 'Channels', head: 'Channel', dimension: 'visit:channel', ...CAME },
  { tab: 'Sources', head: 'Source', dimension: 'visit:source', ...CAME },
  { tab: 'Campaigns', head: 'Campaign', dimension: 'visit:utm_campaign', ...CAME },
  { tab: 'Media', head: 'Medium', dimension: 'visit:utm_medium', ...CAME },
  { tab: 'Terms', head: 'Term', dimension: 'visit:utm_term', ...CAME },
  { tab: 'Contents', head: 'Content', dimension: 'visit:utm_content', ...CAME },
]];
const ROWS = 8;
const ROWS_MORE = 100;
const LIVE_MS = 2000;
const IDLE_MS = 60_000;

const $ = (id) => document.getElementById(id);
const state = { site: '', range: 'day', page: '', metric: 'visitors' };
const panel = ([title, views]) => ({ title, views, chosen: 0, rows: ROWS });
const panels = PANELS.map(panel);
let sites = [];
let series = { labels: [], values: [], cut: 0 };
// Each change of what is looked at is a round; answers that belong to an earlier one are thrown away.
let round = 0;
let seen = '';
let timer;

// Words and figures

function count(value) { return value.toLocaleString('en'); }
function decimal(value) { return value.toLocaleString('en', { maximumFractionDigits: 2 }); }
function percent(value) { return `${count(value)} %`; }
function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor(whole / 60) % 60).padStart(2, '0')} m`;
}
function capital(text) { return text.charAt(0).toUpperCase() + text.slice(1); }
function naming(type) {
  const names = new Intl.DisplayNames(['en'], { type });
  const written = type === 'region' ? /^[A-Z]{2}$/ : /^[a-z]{2,3}$/;
  return (code) => (written.test(code) ? names.of(code) : code);
}

function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function figure(metric, value) {
  if (value !== null && value !== undefined) return document.createTextNode(METRICS[metric].show(value));
  return el('span', { className: 'withheld', title: 'Withheld: too little to show without pointing at somebody' },
    el('span', { 'aria-hidden': 'true' }, '–'), el('span', { className: 'hidden' }, 'withheld'));
}

function moment(label, long = false) {
  const [date, time] = label.split(/[ T]/);
  if (time) return long ? `${time.slice(0, 5)} to ${time.slice(0, 2)}:59` : time.slice(0, 5);
  const at = new Date(`${date}T12:00:00Z`);
  const shape = state.range === '12mo' ? { month: long ? 'long' : 'short', year: long ? 'numeric' : undefined }
    : { day: 'numeric', month: 'short', weekday: long ? 'short' : undefined };
  return at.toLocaleDateString('en-GB', { ...shape, timeZone: 'UTC' });
}

// Asking

class Refusal extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

async function ask(path, question) {
  const options = question && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(question) };
  const response = await fetch(path, options);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, answer.error || `The console answered ${response.status}.`);
  return answer;
}

function query(extra) {
  const filters = state.page ? [['is', 'event:page', [state.page]]] : [];
  return ask('/api/v2/query', { site_id: state.site, date_range: state.range, filters, ...extra });
}

const headlines = () => HEADLINES.filter((name) => !(state.page && METRICS[name].wholeSite));

// Figures

/** Writes `children` into `parent` if they differ from what is there, so that nothing flickers. */
function write(parent, key, make) {
  if (parent.dataset.key === key) return;
  const focus = parent.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  parent.dataset.key = key;
  parent.replaceChildren(...make());
  if (focus) parent.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
}

function change(metric, now, before, rounding) {
  const kind = METRICS[metric];
  if (!Number.isFinite(now) || !before || (!kind.rate && before < 10 * rounding)) return '';
  const points = kind.show === percent;
  const value = Math.round(points ? now - before : (now - before) / before * 100);
  const [sign, word] = value > 0 ? ['▲', 'up'] : value < 0 ? ['▼', 'down'] : ['=', 'unchanged by'];
  return el('span', { className: 'change', title: 'Against the period before' },
    el('span', { 'aria-hidden': 'true' }, `${sign} ${Math.abs(value)} ${points ? 'pt' : '%'}`),
    el('span', { className: 'hidden' }, `, ${word} ${Math.abs(value)} ${points ? 'points' : '%'} on the period before`));
}

function showFigures(names, answer, before) {
  const values = answer.results[0].metrics;
  const earlier = before?.results[0].metrics ?? [];
  const old = new Map([...$('figures').querySelectorAll('button')].map((button) => [button.value, button.dataset.shown]));
  write($('figures'), JSON.stringify([names, values, earlier, state.metric]), () => names.map((name, index) => {
    const shown = JSON.stringify(values[index]);
    const fresh = state.range === 'day' && old.has(name) && old.get(name) !== shown;
    return el('li', {}, el('button', {
      type: 'button', value: name, className: fresh ? 'figure fresh' : 'figure',
      'aria-pressed': String(state.metric === name), 'data-focus': name, 'data-shown': shown,
    }, el('span', { className: 'label' }, METRICS[name].label), el('strong', {}, figure(name, values[index])),
    change(name, values[index], earlier[index], answer.meta.rounding)));
  }));
}

async function earlierPeriod(names, answer) {
  if (state.range === 'day') return undefined;
  const [from, to] = answer.query.date_range.map((date) => Date.parse(`${date.slice(0, 10)}T00:00:00Z`));
  const day = 86_400_000;
  const name = (at) => new Date(at).toISOString().slice(0, 10);
  return query({ metrics: names, date_range: [name(2 * from - to - day), name(from - day)] });
}

function showNotes(meta) {
  const notes = [
    meta.rounding === 1 ? 'Figures are exact: rounding is off.' : `Figures are rounded to the nearest ${meta.rounding}; what rounds to nothing is left out.`,
    'Visitors are counted once per day; over several days, days are added up.',
    '“–” stands where a rate is withheld, or where there is nothing to compute it from.',
    'Today is still under way: the last point of the chart grows.',
  ];
  write($('notes'), JSON.stringify(notes), () => notes.map((note) => el('li', {}, note)));
}

// Chart

const NAMESPACE = 'http://www.w3.org/2000/svg';
const HEIGHT = 250;
const EDGE = { left: 52, right: 12, top: 12, bottom: 28 };

function draw(tag, attributes, text) {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** The site's own wall clock, written as the labels are. */
function wallClock() {
  const zone = sites.find((site) => site.name === state.site)?.timezone || 'UTC';
  return new Date().toLocaleString('sv-SE', { timeZone: zone });
}

function setSeries(answer, index) {
  const found = new Map(answer.results.map((row) => [row.dimensions[0], row.metrics[index]]));
  const labels = answer.meta.time_labels || [...found.keys()];
  const now = wallClock();
  const cut = labels.filter((label) => label <= now).length;
  const nothing = METRICS[state.metric].show === count ? 0 : null;
  const values = labels.map((label, at) => (at < cut ? found.get(label) ?? nothing : null));
  const key = JSON.stringify([state.metric, labels, values]);
  if (series.key === key) return;
  series = { key, labels, values, cut };
  plot();
  write($('series'), key, () => [
    el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Time'), el('th', { scope: 'col' }, METRICS[state.metric].label))),
    el('tbody', {}, ...labels.slice(0, cut).map((label, at) =>
      el('tr', {}, el('th', { scope: 'row' }, moment(label, true)), el('td', {}, figure(state.metric, values[at]))))),
  ]);
}

function scale() {
  const width = Math.max($('chart-box').clientWidth, 240);
  const top = Math.max(...series.values.map((value) => value ?? 0), METRICS[state.metric].show === decimal ? 1 : 4);
  const rough = top / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((nice) => nice >= rough);
  const ticks = Math.ceil(top / step);
  const span = Math.max(series.labels.length - 1, 1);
  return {
    width, step, ticks,
    x: (at) => EDGE.left + (width - EDGE.left - EDGE.right) * (series.labels.length === 1 ? 0.5 : at / span),
    y: (value) => HEIGHT - EDGE.bottom - (HEIGHT - EDGE.top - EDGE.bottom) * value / (step * ticks),
  };
}

function plot() {
  const { width, step, ticks, x, y } = scale();
  const parts = [];
  for (let tick = 0; tick <= ticks; tick++) {
    const at = y(tick * step);
    parts.push(draw('line', { class: 'grid', x1: EDGE.left, x2: width - EDGE.right, y1: at, y2: at }));
    const show = METRICS[state.metric].show === count ? decimal : METRICS[state.metric].show;
    parts.push(draw('text', { class: 'tick', x: EDGE.left - 10, y: at + 4, 'text-anchor': 'end' }, show(tick * step)));
  }
  const every = Math.ceil(series.labels.length / Math.max(2, Math.floor(width / 90)));
  series.labels.forEach((label, at) => {
    if (at % every) return;
    parts.push(draw('text', { class: 'tick', x: x(at), y: HEIGHT - 6, 'text-anchor': !at ? 'start' : x(at) > width - 40 ? 'end' : 'middle' }, moment(label)));
  });
  for (const run of runs()) {
    const line = run.map(([at, value]) => `${x(at)} ${y(value)}`).join('L');
    parts.push(draw('path', { class: 'area', d: `M${x(run[0][0])} ${y(0)}L${line}L${x(run.at(-1)[0])} ${y(0)}Z` }));
    parts.push(draw('path', { class: 'line', d: `M${line}` }));
    if (run.length === 1) parts.push(draw('circle', { class: 'point', cx: x(run[0][0]), cy: y(run[0][1]), r: 4 }));
  }
  parts.push(draw('g', { id: 'cursor' }));
  const chart = $('chart');
  chart.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
  chart.setAttribute('height', HEIGHT);
  chart.replaceChildren(...parts);
  point(series.pointed);
}

/** Stretches without a gap: what is withheld is not drawn as nothing. */
function runs() {
  const found = [];
  let run;
  series.values.forEach((value, at) => {
    if (value === null) run = undefined;
    else if (run) run.push([at, value]);
    else found.push(run = [[at, value]]);
  });
  return found;
}

function point(at) {
  series.pointed = at;
  const cursor = $('cursor');
  cursor?.replaceChildren();
  if (!cursor || at === undefined || at >= series.cut) {
    $('chart-point').textContent = '';
    return;
  }
  const { x, y } = scale();
  cursor.append(draw('line', { class: 'pointer', x1: x(at), x2: x(at), y1: EDGE.top, y2: HEIGHT - EDGE.bottom }));
  const value = series.values[at];
  if (value !== null) cursor.append(draw('circle', { class: 'point', cx: x(at), cy: y(value), r: 5 }));
  $('chart-point').textContent = `${moment(series.labels[at], true)}: ${value === null ? 'withheld' : METRICS[state.metric].show(value)}`;
}

// Tables

function buildPanels() {
  $('panels').replaceChildren(...panels.map((panel) => {
    panel.body = el('div', { className: 'rows' });
    panel.tabs = panel.views.map((view, index) => el('button', {
      type: 'button', className: 'tab', 'aria-pressed': String(index === 0), onclick: () => choose(panel, index),
    }, view.tab));
    panel.more = el('button', { type: 'button', className: 'plain more', hidden: true, onclick: () => expand(panel) }, 'Show more');
    const tabs = panel.tabs.length > 1 ? [el('div', { className: 'tabs', role: 'group', 'aria-label': panel.title }, ...panel.tabs)] : [];
    return el('section', { className: 'card panel' }, el('div', { className: 'panel-head' }, el('h2', {}, panel.title), ...tabs), panel.body, panel.more);
  }));
}

function choose(panel, index) {
  panel.chosen = index;
  panel.rows = ROWS;
  panel.tabs.forEach((tab, at) => tab.setAttribute('aria-pressed', String(at === index)));
  showPanel(panel, round).catch(trouble);
}

function expand(panel) {
  panel.rows = panel.rows === ROWS ? ROWS_MORE : ROWS;
  showPanel(panel, round).catch(trouble);
}

async function showPanel(panel, mine) {
  const view = panel.views[panel.chosen];
  const answer = state.page && view.alone
    ? { results: [], sentence: 'Where visits begin and end is counted for the whole site, not for one page.' }
    : await query({ metrics: view.metrics, dimensions: [view.dimension], pagination: { limit: panel.rows + 1 } });
  if (mine !== round || view !== panel.views[panel.chosen]) return;
  const results = answer.results.slice(0, panel.rows);
  panel.more.hidden = answer.results.length <= panel.rows && panel.rows === ROWS;
  panel.more.textContent = panel.rows === ROWS ? 'Show more' : 'Show less';
  write(panel.body, JSON.stringify([view.dimension, results, answer.sentence, state.page]), () =>
    results.length ? [table(view, results)] : [el('p', { className: 'empty' }, answer.sentence || 'Nothing in this period.')]);
}

function table(view, results) {
  const most = Math.max(...results.map((row) => row.metrics[0] ?? 0), 1);
  const head = el('tr', {}, el('th', { scope: 'col' }, view.head), ...view.metrics.map((name) => el('th', { scope: 'col' }, METRICS[name].label)));
  return el('table', {}, el('caption', { className: 'hidden' }, `${view.head} by ${METRICS[view.metrics[0]].label.toLowerCase()}`), el('thead', {}, head),
    el('tbody', {}, ...results.map((row) => {
      const value = row.dimensions[0];
      const name = value ? (view.name?.(value) ?? value) : '(unknown)';
      const shown = view.picks && value.startsWith('/')
        ? el('button', { type: 'button', className: 'pick', title: `Only ${value}`, 'data-focus': value, onclick: () => go({ page: value }) }, name)
        : el('span', { title: name }, name);
      const first = el('th', { scope: 'row' }, shown);
      first.style.setProperty('--share', `${(row.metrics[0] ?? 0) / most * 100}%`);
      return el('tr', {}, first, ...row.metrics.map((figureOf, index) => el('td', {}, figure(view.metrics[index], figureOf))));
    })));
}

// Keeping up

async function refresh(everything) {
  const mine = round;
  const names = headlines();
  const actions = panels.at(-1);
  const [answer] = await Promise.all([query({ metrics: names }), showPanel(actions, mine)]);
  if (mine !== round) return;
  const key = JSON.stringify([state, answer.results]);
  if (everything || key !== seen) {
    const [time, before] = await Promise.all([
      query({ metrics: names, dimensions: ['time'], include: { time_labels: true }, pagination: { limit: 1000 } }),
      earlierPeriod(names, answer),
      ...panels.filter((panel) => panel !== actions).map((panel) => showPanel(panel, mine)),
    ]);
    if (mine !== round) return;
    seen = key;
    showFigures(names, answer, before);
    setSeries(time, names.indexOf(state.metric));
    showNotes(answer.meta);
    $('chart-empty').hidden = answer.results[0].metrics.some((value) => value);
    $('chart-empty').textContent = `Nothing counted ${state.range === 'day' ? 'today' : 'in this period'} yet. Pages that carry the tracker with data-site="${state.site}" show up here.`;
  }
  $('problem').hidden = true;
  document.body.classList.remove('waiting');
  status('live', state.range === 'day' ? 'Live' : `Updated ${wallClock().slice(11, 16)}`);
}

function status(name, text) {
  $('status').dataset.state = state.range === 'day' || name !== 'live' ? name : 'idle';
  if ($('status-text').textContent !== text) $('status-text').textContent = text;
}

function trouble(error) {
  if (error.status === 401) {
    $('board').hidden = true;
    $('sign-in').hidden = false;
    status('idle', 'Signed out');
    $('token').focus();
    return false;
  }
  status('off', 'Not connected');
  $('problem').textContent = error instanceof Refusal ? error.message : 'The console does not answer. Trying again.';
  $('problem').hidden = false;
  return true;
}

async function loop(everything) {
  clearTimeout(timer);
  const mine = round;
  let again = true;
  if (!document.hidden) await refresh(everything).catch((error) => { again = trouble(error); });
  if (again && mine === round) timer = setTimeout(loop, state.range === 'day' ? LIVE_MS : IDLE_MS);
}

/** Moves to another site, period, page or metric; the address says which, so that it can be kept and sent. */
function go(change) {
  Object.assign(state, change);
  if (state.page && METRICS[state.metric].wholeSite) state.metric = 'visitors';
  const chosen = new URLSearchParams(Object.entries(state).filter(([, value]) => value));
  history.replaceState(null, '', `#${chosen}`);
  document.title = `${state.site} ${RANGES[state.range]} – Sillage`;
  $('site').value = state.site;
  for (const input of $('ranges').querySelectorAll('input')) input.checked = input.value === state.range;
  $('filter').hidden = !state.page;
  $('filter-page').textContent = state.page;
  $('chart-title').textContent = `${METRICS[state.metric].label}, ${RANGES[state.range]}`;
  document.body.classList.add('waiting');
  round++;
  loop(true);
}

async function begin() {
  $('site').onchange = () => go({ site: $('site').value, page: '' });
  $('ranges').onchange = (event) => go({ range: event.target.value });
  $('filter-clear').onclick = () => go({ page: '' });
  $('figures').onclick = (event) => {
    const button = event.target.closest('button');
    if (button) go({ metric: button.value });
  };
  const chart = $('chart');
  chart.onpointermove = (event) => {
    const share = (event.offsetX - EDGE.left) / (chart.clientWidth - EDGE.left - EDGE.right);
    const last = series.labels.length - 1;
    point(Math.min(Math.max(Math.round(share * last), 0), last));
  };
  chart.onpointerleave = chart.onblur = () => point(undefined);
  chart.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    point(Math.min(Math.max((series.pointed ?? series.cut) + step, 0), series.cut - 1));
  };
  new ResizeObserver(() => { if (series.labels.length) plot(); }).observe($('chart-box'));
  document.addEventListener('visibilitychange', () => { if (!document.hidden && state.site) loop(false); });

  const answer = await ask('/api/sites');
  sites = answer.sites ?? answer;
  if (answer.marketing) panels.splice(2, 0, panel(CAMPAIGNS));
  buildPanels();
  $('site').replaceChildren(...sites.map(({ name }) => el('option', { value: name }, name)));
  if (!sites.length) throw new Refusal(200, 'This token reads no site.');
  const asked = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  go({
    site: sites.some(({ name }) => name === asked.site) ? asked.site : sites[0].name,
    range: asked.range in RANGES ? asked.range : 'day',
    page: asked.page ?? '',
    metric: HEADLINES.includes(asked.metric) ? asked.metric : 'visitors',
  });
}

begin().catch(trouble);
