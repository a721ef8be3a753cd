// Date ranges in a site's own days, their comparisons, and the step of a chart. Pure date arithmetic: today is an
// argument.

const DAY = 86_400_000;
const at = (date) => Date.parse(`${date}T00:00:00Z`);
const name = (moment) => new Date(moment).toISOString().slice(0, 10);

export const RANGES = ['today', 'yesterday', '7d', '28d', '91d', 'month', 'lastmonth', 'year', '12mo', 'all', 'custom'];
export const COMPARISONS = ['before', 'year', 'custom', 'none'];
export const INTERVALS = ['auto', 'hour', 'day', 'week', 'month'];

export const shift = (date, days) => name(at(date) + days * DAY);
export const length = ([from, to]) => Math.round((at(to) - at(from)) / DAY) + 1;
const firstOfMonth = (date, months = 0) => name(Date.UTC(Number(date.slice(0, 4)), Number(date.slice(5, 7)) - 1 + months, 1));
const monday = (date) => shift(date, -((new Date(at(date)).getUTCDay() + 6) % 7));

/** First and last day of a range; `first` is the first day with figures. */
export function days(range, today, { from, to, first }) {
  switch (range) {
    case 'today': return [today, today];
    case 'yesterday': return [shift(today, -1), shift(today, -1)];
    case '7d': return [shift(today, -6), today];
    case '28d': return [shift(today, -27), today];
    case '91d': return [shift(today, -90), today];
    case 'month': return [firstOfMonth(today), today];
    case 'lastmonth': return [firstOfMonth(today, -1), shift(firstOfMonth(today), -1)];
    case 'year': return [`${today.slice(0, 4)}-01-01`, today];
    case '12mo': return [firstOfMonth(today, -11), today];
    case 'all': return [first && first < today ? first : firstOfMonth(today, -25), today];
    default: return from <= to ? [from, to] : [to, from];
  }
}

/** Range of the comparison: aligned by weekday, except that months are compared with months. */
export function compared(kind, range, [from, to], customFrom) {
  const long = length([from, to]);
  switch (kind) {
    case 'none': return undefined;
    case 'year': return [shift(from, -364), shift(to, -364)];
    case 'custom': return customFrom ? [customFrom, shift(customFrom, long - 1)] : undefined;
    default:
  }
  if (range === 'all') return undefined;
  if (range === 'month' || range === 'lastmonth') {
    const begin = firstOfMonth(from, -1);
    const end = shift(begin, long - 1);
    return [begin, end < from ? end : shift(from, -1)];
  }
  if (range === 'year' || range === '12mo') return [shift(from, -364), shift(to, -364)];
  const back = Math.ceil(long / 7) * 7;
  return [shift(from, -back), shift(to, -back)];
}

/** Of a range that ends today and its comparison, the days that are over: a part of a day against a whole one is a fall. */
export function overOf(range, before) {
  const end = shift(before[0], length(range) - 2);
  return { range: [range[0], shift(range[1], -1)], before: [before[0], end < before[1] ? end : before[1]] };
}

/** Step of a chart: the chosen one, or the range's default if that would give too many or too few points. */
export function grain(chosen, range) {
  const long = length(range);
  if (chosen === 'hour' && long <= 31) return 'hour';
  if (chosen === 'day' || chosen === 'week' || chosen === 'month') return chosen;
  return long <= 2 ? 'hour' : long <= 92 ? 'day' : long <= 400 ? 'week' : 'month';
}

/** Whether a period is unfinished at the site's wall clock `now`, `YYYY-MM-DD HH:MM:SS`. */
export function underWay(label, step, now) {
  const [date] = label.split(/[ T]/);
  const today = now.slice(0, 10);
  if (step === 'hour') return label.slice(0, 13) === now.slice(0, 13);
  if (step === 'week') return monday(today) === monday(date);
  return step === 'month' ? date.slice(0, 7) === today.slice(0, 7) : date === today;
}

/** The site's wall clock, `YYYY-MM-DD HH:MM:SS`. */
export const wallClock = (timezone) => new Date().toLocaleString('sv-SE', { timeZone: timezone || 'UTC' });
