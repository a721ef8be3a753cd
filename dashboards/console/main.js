// The console's main loop: reads the address, queries, renders, refreshes. It never computes a figure that the server
// withheld, and stores nothing on the reader's device: every choice is in the address.
import { ask, Refusal, sharedSite } from './ask.js';
import * as board from './board.js';
import * as desk from './desk.js';
import { $, el, write } from './page.js';
import { COMPARISONS, INTERVALS, RANGES, wallClock } from './ranges.js';
import { address, readAddress, state, THEMES, VIEWS } from './state.js';
import { LANGUAGES, speak, t } from './words.js';

// Exact figures change with every hit; figures in tens by the hour.
const LIVE_MS = 500;
const DESK_MS = 2000;
const IDLE_MS = 60_000;
// Ranges of the number keys; SHORTCUTS has the letters.
const DIGITS = ['today', 'yesterday', '7d', '28d', '91d', 'month', 'lastmonth', 'year', '12mo', 'all'];

let sites = [];
const facts = { marketing: false, tens: true };
let shared = false;
// Each change of the view begins a round; answers of an earlier round are dropped.
let round = 0;
let timer;

const theSite = () => sites.find(({ name }) => name === state.site) ?? sites[0];
const includesToday = () => !['yesterday', 'lastmonth'].includes(state.range) && (state.range !== 'custom' || state.to >= wallClock(theSite().timezone).slice(0, 10));
const isLive = () => (state.view === 'overview' ? !facts.tens && includesToday() : desk.LIVE.includes(state.view));
const pause = () => (!isLive() ? IDLE_MS : state.view === 'overview' ? LIVE_MS : DESK_MS);

/** Changes the view; `kept` adds a step for the back button. */
function go(change, kept = false) {
  Object.assign(state, change);
  history[kept ? 'pushState' : 'replaceState'](null, '', address());
  look();
}

/** Renders the view that the address names. */
function look() {
  if (!theSite()) return;
  state.site = theSite().name;
  speak(state.lang);
  document.documentElement.dataset.theme = state.theme;
  frame();
  document.body.classList.add('waiting');
  round++;
  keepUp();
}

async function keepUp() {
  clearTimeout(timer);
  const mine = round;
  const current = () => mine === round;
  let again = true;
  if (!document.hidden) {
    try {
      await (state.view === 'overview' ? board.refresh(theSite(), facts, go, current) : desk.refresh(sites, facts, current));
      if (!current()) return;
      $('problem').hidden = true;
      document.body.classList.remove('waiting');
      document.body.dataset.round = String(mine);
      status(isLive() ? 'live' : 'idle', isLive() ? t('live') : `${t('updated')} ${wallClock(theSite().timezone).slice(11, 16)}`);
    } catch (error) {
      again = current() && trouble(error);
    }
  }
  if (again && current()) timer = setTimeout(keepUp, pause());
}

function status(name, text) {
  $('status').dataset.state = name;
  if ($('status-text').textContent !== text) $('status-text').textContent = text;
}

/** Shows the error; returns whether a retry may help. */
function trouble(error) {
  document.body.classList.remove('waiting');
  if (error.status === 401) {
    $('board').hidden = $('desk').hidden = true;
    $('sign-in').hidden = false;
    status('idle', t('signOut'));
    $('token').focus();
    return false;
  }
  status('off', t('offline'));
  const known = error instanceof Refusal || error.constructor === Error;
  $('problem').textContent = known ? error.message : t('retrying');
  $('problem').hidden = false;
  return !known || error.status >= 500;
}

// The frame: texts, site, ranges, views.

const option = (value, text, chosen) => el('option', { value, selected: value === chosen }, text);

function select(id, label, values, chosen, word) {
  const field = $(id);
  field.setAttribute('aria-label', label);
  write(field, JSON.stringify([values, state.lang]), () => values.map((value) => option(value, word(value), chosen)));
  field.value = chosen;
}

function frame() {
  document.title = `${state.site} · ${t(state.view === 'overview' ? state.range : state.view)} – Sillage`;
  for (const marked of document.querySelectorAll('[data-t]')) marked.textContent = t(marked.dataset.t);
  select('site', t('site'), sites.map(({ name }) => name), state.site, (name) => name);
  write($('views'), JSON.stringify([state.lang, state.view, shared]), () => VIEWS.filter((view) => !shared || view === 'overview').map((view) => el('a', {
    href: address({ view }), className: 'view', 'aria-current': view === state.view ? 'page' : undefined,
  }, t(view))));
  select('range', t('period'), RANGES, state.range, t);
  select('cmp', t('compare'), COMPARISONS, state.cmp, (one) => (one === 'none' ? t('cmp_none') : t(`cmp_${one}`)));
  select('by', t('by'), INTERVALS, state.by, (one) => t(`by_${one}`));
  select('lang', t('language'), Object.keys(LANGUAGES), state.lang, (one) => LANGUAGES[one]);
  select('theme', t('theme'), THEMES, state.theme, (one) => t(`theme_${one}`));
  write($('ranges'), JSON.stringify([state.lang, state.range]), () => ['today', '7d', '28d', '12mo'].map((range) => el('button', {
    type: 'button', className: 'range', value: range, 'aria-pressed': String(range === state.range), 'data-focus': range, onclick: () => go({ range }, true),
  }, t(range))));
  $('dates').hidden = state.range !== 'custom' && state.cmp !== 'custom';
  $('dates-range').hidden = state.range !== 'custom';
  $('dates-cmp').hidden = state.cmp !== 'custom';
  for (const name of ['from', 'to', 'cmpfrom']) $(name).value = state[name];
  const overview = state.view === 'overview';
  $('board').hidden = $('controls').hidden = !overview;
  if (!overview) $('about').hidden = $('filling').hidden = true;
  $('desk').hidden = overview;
  $('leave').hidden = $('more').hidden = shared;
}

const SHORTCUTS = [
  ['1 … 9, 0', () => DIGITS.map(t).join(' · ')], ['c', () => t('compare')], ['i', () => t('by')], ['← →', () => t('time')],
  ['g', () => t('menu')], ['s', () => t('site')], ['l', () => t('language')], ['d', () => t('theme')], ['Esc', () => t('wholeSite')], ['?', () => t('shortcuts')],
];

const following = (list, value) => list[(list.indexOf(value) + 1) % list.length];

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  const digit = '1234567890'.indexOf(event.key);
  if (event.key.length === 1 && digit >= 0 && !$('help').open) return go({ view: 'overview', range: DIGITS[digit] }, true);
  const acts = {
    c: () => go({ cmp: following(['before', 'year', 'none'], state.cmp) }), i: () => go({ by: following(INTERVALS, state.by) }),
    g: () => $('views').querySelector('a')?.focus(), s: () => $('site').focus(),
    l: () => go({ lang: following(Object.keys(LANGUAGES), state.lang) }), d: () => go({ theme: following(THEMES, state.theme) }),
    ArrowLeft: () => board.stepChart(-1), ArrowRight: () => board.stepChart(1),
    Escape: () => { if (state.filters.length) go({ filters: [] }, true); }, '?': showHelp,
  };
  // An open dialog has its own keys: Escape closes it.
  const act = $('help').open ? undefined : acts[event.key];
  if (!act || (event.key.startsWith('Arrow') && event.target !== $('chart') && event.target !== document.body)) return undefined;
  event.preventDefault();
  return act();
}

function showHelp() {
  $('help-list').replaceChildren(...SHORTCUTS.flatMap(([key, word]) => [el('dt', {}, el('kbd', {}, key)), el('dd', {}, word())]));
  $('help').showModal();
}

async function shareLink() {
  const { path } = await ask('/api/share', { site_id: state.site, days: 30 });
  $('share-link').hidden = false;
  $('share-link').value = `${location.origin}${path}`;
  $('share-link').select();
}

async function keepNote(event) {
  event.preventDefault();
  await ask('/api/annotations', { site_id: state.site, day: $('note-day').value, text: $('note-text').value });
  $('note-text').value = '';
  $('more').open = false;
  look();
}

function listen() {
  $('site').onchange = () => go({ site: $('site').value, filters: [] }, true);
  for (const id of ['range', 'cmp', 'by', 'lang', 'theme']) {
    $(id).onchange = () => {
      const today = wallClock(theSite().timezone).slice(0, 10);
      const dates = $(id).value === 'custom' && (id === 'range' ? { from: state.from || `${today.slice(0, 8)}01`, to: state.to || today } : { cmpfrom: state.cmpfrom || today });
      go({ [id]: $(id).value, ...dates }, id === 'range');
    };
  }
  $('dates').onsubmit = (event) => {
    event.preventDefault();
    go({ from: $('from').value, to: $('to').value, cmpfrom: $('cmpfrom').value }, true);
  };
  $('share-do').onclick = () => shareLink().catch(trouble);
  $('note-form').onsubmit = (event) => keepNote(event).catch(trouble);
  $('print').onclick = () => print();
  $('keys').onclick = showHelp;
  $('help-close').onclick = () => $('help').close();
  document.addEventListener('keydown', press);
  document.addEventListener('visibilitychange', () => { if (!document.hidden && sites.length) keepUp(); });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { if (sites.length) keepUp(); });
  const read = () => { readAddress(location.hash); look(); };
  addEventListener('hashchange', read);
  addEventListener('popstate', read);
}

async function begin() {
  readAddress(location.hash);
  speak(state.lang);
  document.documentElement.dataset.theme = state.theme;
  listen();
  const answer = await ask('/api/sites');
  ({ sites } = answer);
  Object.assign(facts, { marketing: answer.marketing, tens: answer.protection === 'tens' });
  shared = Boolean(sharedSite && answer.shared);
  document.body.classList.toggle('shared', shared);
  if (!sites.length) throw new Refusal(200, t('noSite'));
  $('note-day').value = wallClock(sites[0].timezone).slice(0, 10);
  look();
}

begin().catch(trouble);
