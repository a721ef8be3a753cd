// The dashboards for Grafana: the committed files are those that the code generates, the code fits the SDK's types, and
// the applicable rules of Grafana's dashboard linter hold. (tests/grafana/ runs every query of them.)
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { files } from '../../dashboards/grafana/build.mjs';

const folder = new URL('../../dashboards/grafana/', import.meta.url);
const committed = (path) => readFileSync(new URL(path, folder), 'utf8');
const boards = Object.entries(files()).filter(([path]) => !path.includes('/')).map(([path, text]) => [path, JSON.parse(text)]);
const panelsOf = (board) => board.panels.filter(({ type }) => type !== 'row');

/** Runs `check` on each panel of each dashboard; a failure names the panel. */
function eachPanel(check) {
  for (const [path, board] of boards) for (const panel of panelsOf(board)) check(panel, `${path} › ${panel.title}`);
}

test('the committed dashboards are what the code makes of them', () => {
  for (const [path, text] of Object.entries(files())) assert.equal(committed(path), text, `${path}: run node dashboards/grafana/build.mjs`);
});

test('the code of the dashboards fits the types of the SDK', () => {
  const tsc = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url));
  execFileSync(tsc, ['-p', fileURLToPath(new URL('tsconfig.json', folder))], { stdio: 'inherit' });
});

test('every dashboard has an identity, a range, a time zone and a chosen data source', () => {
  const uids = new Set();
  for (const [path, board] of boards) {
    assert.match(board.uid, /^sillage-[a-z]+$/, path);
    assert.ok(board.description && board.time.from && board.timezone, path);
    assert.equal(board.editable, false, path);
    const [source] = board.templating.list;
    assert.deepEqual([source.name, source.type, source.label], ['datasource', 'datasource', 'Data source'], path);
    uids.add(board.uid);
  }
  assert.equal(uids.size, boards.length);
});

test('every variable says what it is for', () => {
  for (const [path, board] of boards) {
    for (const variable of board.templating.list) assert.ok(variable.label && variable.description, `${path} › ${variable.name}`);
  }
});

test('every panel has a title, a description, a unit, thresholds and a text for no data', () => {
  eachPanel((panel, place) => {
    assert.ok(panel.title && panel.description.endsWith('.'), place);
    const { unit, noValue, thresholds } = panel.fieldConfig.defaults;
    assert.ok(unit && noValue && thresholds.steps.length, place);
  });
});

test('every query asks the chosen data source, and none is shared by two references', () => {
  eachPanel((panel, place) => {
    assert.equal(panel.datasource.uid, '${datasource}', place);
    assert.equal(new Set(panel.targets.map(({ refId }) => refId)).size, panel.targets.length, place);
    for (const target of panel.targets) assert.equal(target.datasource.uid, '${datasource}', place);
  });
});

test('no two panels of a dashboard lie on each other or beyond its edge', () => {
  for (const [path, board] of boards) {
    const taken = new Map();
    for (const { title, gridPos: { x, y, w, h } } of board.panels) {
      assert.ok(x + w <= 24, `${path} › ${title}`);
      for (let column = x; column < x + w; column++) {
        for (let row = y; row < y + h; row++) {
          const cell = `${column} ${row}`;
          assert.ok(!taken.has(cell), `${path} › ${title} lies on ${taken.get(cell)}`);
          taken.set(cell, title);
        }
      }
    }
  }
});

test('rates in Prometheus follow the dashboard’s step, and counters are read as rates', () => {
  const [, board] = boards.find(([path]) => path === 'operations.json');
  for (const panel of panelsOf(board)) {
    for (const { expr } of panel.targets) {
      for (const [, counter] of expr.matchAll(/(\w*)\(sillage_\w+_total/g)) assert.match(counter, /^(rate|increase)$/, expr);
      assert.doesNotMatch(expr, /\[\d+[smh]\]/, expr);
      assert.match(expr, /job=~"\$job", instance=~"\$instance"/, expr);
    }
  }
});

test('links to another dashboard keep the range, the site and the data source', () => {
  const links = boards.flatMap(([path, board]) => [...JSON.stringify(board).matchAll(/"url":"(\/d\/[^"]+)"/g)].map(([, url]) => [path, url]));
  assert.ok(links.length > 5);
  for (const [path, url] of links) {
    for (const kept of ['${__url_time_range}', '${site:queryparam}', '${datasource:queryparam}']) assert.ok(url.includes(kept), `${path}: ${url}`);
    assert.ok(boards.some(([, { uid }]) => url.startsWith(`/d/${uid}?`)), url);
  }
});

test('dashboards of another time zone group by that zone’s days', () => {
  const board = JSON.parse(files('Europe/Paris')['audience.json']);
  assert.equal(board.timezone, 'Europe/Paris');
  assert.equal(board.templating.list.find(({ name }) => name === 'timezone').query, 'Europe/Paris');
});

test('every alert has a summary, a severity, and a condition that is one of its queries', () => {
  const { groups } = JSON.parse(files()['provisioning/alerting/sillage.json']);
  const rules = groups.flatMap((group) => group.rules);
  assert.equal(new Set(rules.map(({ uid }) => uid)).size, rules.length);
  for (const rule of rules) {
    assert.ok(rule.annotations.summary && rule.annotations.description && rule.labels.severity, rule.title);
    assert.ok(rule.data.some(({ refId }) => refId === rule.condition), rule.title);
  }
});
