// Resources for more traffic, computed from measured costs: collectors, shards of ClickHouse, network, disk, and money;
// and the bound that is reached first. It measures nothing: every input below has the source of its figure, and may be
// set on the command line, as --collector_us=20. usage: node benches/scaling-model.mjs [--KEY=NUMBER …] [--check]
const INPUTS = {
  collector_us: [14, 'processor time of a pageview in a collector at full load, docs/scaling.md'],
  engine_us: [5, 'of it in the engine at 10 000 a second, an upper bound, docs/scaling.md'],
  utilisation: [0.5, 'share of a core that is planned for; the rest is for peaks'],
  peak: [3, 'busiest hour against the mean'],
  cores: [8, 'cores of a machine'],
  site_max: [60_000, 'pageviews a second that one collector counts exactly, docs/scaling.md'],
  wire_bytes: [700, 'request, answer and TCP of a pageview, docs/scaling.md'],
  spool_bytes: [37.5, 'bytes of a pageview in the spool until its flush, docs/scaling.md'],
  row_bytes: [1.9, 'bytes of a pageview in the database on busy sites, docs/scaling.md'],
  visitor_bytes: [156, 'memory of a visitor of the day, docs/scaling.md'],
  views_per_visitor: [5, 'pageviews of a visitor a day'],
  tags_max: [500_000_000, 'limits.tags, raised for a machine of 4 GB a core: 13 bytes each at most'],
  tags_per_visitor: [4, 'tags of a visitor: the visitor and the pages seen first'],
  retention_months: [25, 'privacy.retention_months'],
  replicas: [2, 'copies of every shard'],
  flush_us: [250_000, 'processor time of one flush in the engine: 139 µs × 300 a second × 6 s, docs/scaling.md'],
  flush_seconds: [15, 'spool.flush_seconds'],
  disk_bytes: [2e12, 'disk of a shard'],
  core_month: [20, 'price of a core with 4 GB a month; put in your own'],
  tb_month: [40, 'price of 1 TB of disk a month'],
  egress_tb: [0, 'price of 1 TB of traffic; incoming traffic is free with most hosts'],
};
const given = Object.fromEntries(process.argv.slice(2).filter((one) => one.includes('=')).map((one) => one.replace(/^--/, '').split('=')));
for (const key of Object.keys(given)) if (!(key in INPUTS)) { console.error(`scaling-model: unknown input \`${key}\`; expected one of: ${Object.keys(INPUTS).join(', ')}`); process.exit(2); }
const input = Object.fromEntries(Object.entries(INPUTS).map(([key, [value]]) => [key, Number(given[key] ?? value)]));
const DAY = 86_400;
const MONTH = 30 * DAY;

/** Needs of `rate` pageviews a second on average. */
export function model(rate) {
  const busiest = rate * input.peak;
  const visitors = (rate * DAY) / input.views_per_visitor;
  const per = {
    processor: (busiest * input.collector_us) / 1e6 / input.utilisation / input.cores,
    'exact count of a site': busiest / input.site_max,
    'tags of a day': (visitors * input.tags_per_visitor) / input.tags_max,
  };
  const [first] = Object.entries(per).sort(([, a], [, b]) => b - a)[0];
  const collectors = Math.max(1, ...Object.values(per).map(Math.ceil));
  const stored = rate * MONTH * input.retention_months * input.row_bytes;
  const shardsOf = {
    'processor, rows': (busiest * input.engine_us) / 1e6 / input.utilisation / input.cores,
    'processor, flushes': ((collectors / input.flush_seconds) * input.flush_us) / 1e6 / input.utilisation / input.cores,
    disk: stored / input.disk_bytes,
  };
  const [firstOfShards] = Object.entries(shardsOf).sort(([, a], [, b]) => b - a)[0];
  const shards = Math.max(1, ...Object.values(shardsOf).map(Math.ceil));
  const gbit = (busiest * input.wire_bytes * 8) / 1e9;
  const memory = (visitors * input.visitor_bytes) / collectors / 1e9;
  const money = (collectors + shards * input.replicas) * input.cores * input.core_month
    + ((stored * input.replicas) / 1e12) * input.tb_month + ((rate * MONTH * input.wire_bytes) / 1e12) * input.egress_tb;
  return { rate, collectors, first, memory, shards, firstOfShards, gbit, spool: (busiest * input.spool_bytes) / 1e6, stored: (stored * input.replicas) / 1e12, money };
}

const number = (value, digits = 0) => value.toLocaleString('en-GB', { maximumFractionDigits: digits }).replaceAll(',', ' ');
const rows = [100, 1_000, 10_000, 100_000, 1_000_000].map(model);
if (process.argv.includes('--check')) {
  const rising = (key) => rows.every((row, place) => place === 0 || row[key] >= rows[place - 1][key]);
  if (!['collectors', 'shards', 'gbit', 'stored', 'money'].every(rising)) { console.error('scaling-model: more traffic takes less'); process.exit(1); }
}
console.log('| pageviews a second, mean | collectors | bound reached first | memory of tags, GB each | shards × replicas | bound reached first | Gbit/s, busiest | spool MB/s | disk TB | a month |');
console.log('|---:|---:|---|---:|---:|---|---:|---:|---:|---:|');
for (const row of rows) {
  console.log(`| ${number(row.rate)} | ${number(row.collectors)} | ${row.first} | ${number(row.memory, 1)} | ${row.shards} × ${input.replicas} | ${row.firstOfShards} | ${number(row.gbit, 2)} | ${number(row.spool, 1)} | ${number(row.stored, 2)} | ${number(row.money)} |`);
}
console.log('\nInputs:\n');
for (const [key, [, text]] of Object.entries(INPUTS)) console.log(`- ${key} = ${input[key]}: ${text}`);
