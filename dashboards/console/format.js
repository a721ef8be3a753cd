// Figures, times and names, formatted for readers.
import { known, locale, t, unit } from './words.js';

export const count = (value) => Math.round(value).toLocaleString(locale());
export const decimal = (value) => value.toLocaleString(locale(), { maximumFractionDigits: 2 });
/** `value` percent, as the language writes it. */
export const percent = (value) => (value / 100).toLocaleString(locale(), { style: 'percent', maximumFractionDigits: 1 }).replace('\u00a0%', '\u202f%');
/** A number with its word: "1 visitor". */
export const counted = (name, value) => `${count(value)} ${unit(name, Math.round(value))}`;
/** Time since `seconds` ago, in its largest whole unit. */
export function ago(seconds) {
  const [size, name] = seconds < 60 ? [1, 'second'] : seconds < 3600 ? [60, 'minute'] : seconds < 86_400 ? [3600, 'hour'] : [86_400, 'day'];
  return new Intl.RelativeTimeFormat(locale()).format(-Math.floor(seconds / size), name);
}
/** A size in KiB or, from one on, MiB. */
export function kibibytes(bytes) {
  const [size, names] = bytes < 1 << 20 ? [1024, ['KiB', 'Kio']] : [1 << 20, ['MiB', 'Mio']];
  return `${(bytes / size).toLocaleString(locale(), { maximumFractionDigits: 1 })}\u00a0${names[locale() === 'fr-FR' ? 1 : 0]}`;
}
/** Metric's name; visits of one page are those that began on it. */
export const metricName = (metric, ofPage) => t(ofPage && metric === 'visits' ? 'entries' : metric);
export const milliseconds = (value) => (value < 1000 ? `${count(value)} ms` : `${(value / 1000).toLocaleString(locale(), { maximumFractionDigits: 2 })} s`);

export function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')}`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor(whole / 60) % 60).padStart(2, '0')}`;
}

/** Format of each metric; a `rate` is compared by difference, and is withheld instead of shown as zero. */
export const METRICS = {
  visitors: { show: count }, visits: { show: count }, pageviews: { show: count }, events: { show: count }, hits: { show: count }, ai: { show: count }, count: { show: count },
  views_per_visit: { show: decimal, rate: true }, bounce_rate: { show: percent, rate: true, points: true, less: true },
  visit_duration: { show: duration, rate: true }, time_on_page: { show: duration, rate: true }, scroll_depth: { show: percent, rate: true, points: true },
  rate: { show: percent, rate: true }, p50: { show: milliseconds, rate: true }, p75: { show: milliseconds, rate: true }, p95: { show: milliseconds, rate: true },
};

/** Formatter of short figures for an axis. */
export const axis = (metric) => {
  const { show } = METRICS[metric];
  return show === count ? (value) => value.toLocaleString(locale(), { notation: 'compact', maximumFractionDigits: 1 }) : show;
};

/** Text for a period, from its label `YYYY-MM-DD` or `YYYY-MM-DD HH:00:00`. */
export function moment(label, grain, long = false) {
  const [date, time] = label.split(/[ T]/);
  if (grain === 'hour' && time) {
    const hour = time.slice(0, 5);
    return long ? `${day(date)} ${hour}–${time.slice(0, 2)}:59` : hour;
  }
  const at = new Date(`${date}T12:00:00Z`);
  const shape = grain === 'month' ? { month: long ? 'long' : 'short', year: 'numeric' } : { day: 'numeric', month: 'short', ...(long && { weekday: 'short', year: 'numeric' }) };
  return at.toLocaleDateString(locale(), { ...shape, timeZone: 'UTC' });
}

/** A day with its year. */
export const fullDay = (date) => new Date(`${date}T12:00:00Z`).toLocaleDateString(locale(), { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });

export const day = (date) => new Date(`${date}T12:00:00Z`).toLocaleDateString(locale(), { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });

const names = new Map();
const namesOf = (type) => {
  const key = `${locale()} ${type}`;
  if (!names.has(key)) names.set(key, new Intl.DisplayNames([locale()], { type }));
  return names.get(key);
};

/** Display name of a value of a dimension. */
export function name(dimension, value) {
  if (value === '') return t('(unknown)');
  if (value.startsWith('(')) return t(value);
  if (dimension === 'visit:country' && /^[A-Z]{2}$/.test(value)) return namesOf('region').of(value);
  if (dimension === 'visit:language' && /^[a-z]{2,3}$/.test(value)) return namesOf('language').of(value);
  if (['visit:device', 'visit:screen', 'kind', 'outcome'].includes(dimension) && known(value)) return t(value);
  if (dimension === 'event:timing') return t(value === 'load' ? 'load_event' : value);
  return dimension === 'visit:screen' ? value.charAt(0).toUpperCase() + value.slice(1) : value;
}
