// Builds the dashboards and the alert rules: src/*.mjs → *.json. The results are committed, so that Grafana needs no
// Node; tests/browser/grafana.test.mjs checks that they match this build.
//
//   node dashboards/grafana/build.mjs                                     the committed files, for sites in UTC
//   node dashboards/grafana/build.mjs --timezone Europe/Paris --out DIR   the same for sites in another time zone
// @ts-check
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { actions } from './src/actions.mjs';
import { alerts } from './src/alerts.mjs';
import { audience } from './src/audience.mjs';
import { loadTimes } from './src/load.mjs';
import { operations } from './src/operations.mjs';
import { onePage } from './src/page.mjs';

/** Text of each file, by its path in this folder. */
export function files(timezone = 'UTC') {
  const numbered = (/** @type {any} */ board) => {
    board.panels.forEach((/** @type {any} */ panel, /** @type {number} */ index) => { panel.id = index + 1; });
    return board;
  };
  const made = {
    'audience.json': numbered(audience(timezone)),
    'page.json': numbered(onePage(timezone)),
    'load.json': numbered(loadTimes(timezone)),
    'actions.json': numbered(actions(timezone)),
    'operations.json': numbered(operations()),
    'provisioning/alerting/sillage.json': alerts(),
  };
  return Object.fromEntries(Object.entries(made).map(([path, content]) => [path, `${JSON.stringify(content, null, 2)}\n`]));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({ options: { timezone: { type: 'string', default: 'UTC' }, out: { type: 'string', default: fileURLToPath(new URL('.', import.meta.url)) } } });
  for (const [path, text] of Object.entries(files(values.timezone))) {
    const target = new URL(path, pathToFileURL(`${values.out}/`));
    await mkdir(new URL('.', target), { recursive: true });
    await writeFile(target, text);
  }
}
