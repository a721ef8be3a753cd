// Builds the tracker and its extensions: tracker/src/*.js → tracker/dist/*.js. The results are committed, so that the
// program builds without Node; tests/browser/build.test.mjs checks that they match this build.
import { readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { minify } from 'terser';

/** Maximum compressed size of each script, in bytes; src/collect/tracker.rs has the same bounds. */
export const scripts = {
  'sillage.js': 1970,
  'sillage.core.js': 1500,
  'sillage.full.js': 2600,
  'sillage.extra.js': 950,
  'sillage.actions.js': 1100,
  'sillage.watch.js': 1100,
  'sillage.consent.js': 750,
  'sillage.timing.js': 3500,
  'sillage.compat.js': 4200,
};

const EARLY = `let early = window.sillage || {};
  const tag = document.currentScript || document.querySelector('script[data-site]');
  if (!tag || early.moved) return;`;
const OPTIONS = `${EARLY}
  const options = tag.dataset;`;

/** Parts of each script: one function of each source, in order, and the code before them. */
const parts = {
  // Its options may follow by `sillage.init`.
  'sillage.js': [['core.begin'], `${EARLY}
    const run = (given) => {
      early = window.sillage || early;
      const options = { ...tag.dataset, ...given };
      BODY
    };
    if (!('init' in tag.dataset) || early.o) run(early.o);
    else {
      const stub = window.sillage = window.sillage || function () {
        (stub.q = stub.q || []).push(arguments);
      };
      stub.init = run;
    }`, { WHOLE: true, PLAIN: true }],
  'sillage.core.js': [['core.begin'], OPTIONS, { CONSENT: false }],
  'sillage.full.js': [['core.begin', 'actions.tellActions'], OPTIONS],
  'sillage.extra.js': [['extra.addExtra'], 'const { sillage } = window;'],
  'sillage.actions.js': [['actions.tellActions'], `const tag = document.currentScript || {};
    const options = tag.dataset || {};
    const load = (ending) => document.head.append(Object.assign(document.createElement('script'), {
      nonce: tag.nonce, src: tag.src.replace('.actions.js', ending) }));`],
  'sillage.watch.js': [['watch.watchPage'], `const options = document.querySelector('script[data-problems]') ? { problems: 1 } : {};`],
  'sillage.consent.js': [['consent.followConsent'], `const tag = document.querySelector('script[data-consent]');
    if (!tag) return;
    const options = document.currentScript.dataset;
    const early = window.sillage = window.sillage || function () {
      (early.q = early.q || []).push(arguments);
    };`],
  'sillage.timing.js': [['timing'], ''],
  // Served under another tool's path: reads its tag and queues, defines its functions.
  'sillage.compat.js': [['core.begin', 'actions.tellActions'], `let early = window.sillage || {};
    const tag = document.currentScript || document.querySelector('script[data-domain],script[data-website-id],script[data-goatcounter],script[data-site]');
    if (!tag || early.moved) return;
    ADOPT
    const adopted = adopt(tag);
    const { options } = adopted;
    BODY
    answerCalls(sillage, adopted.tools);`, { WHOLE: true, PLAIN: true, STANDALONE: false }],
};

/** The package's built files; the others are written by hand. */
export const modules = { 'index.js': ['core', 'extra', 'module'], 'actions.js': ['actions', 'watch', 'module-actions'] };

export const packaged = (name) => new URL(`../packages/tracker/${name}`, import.meta.url);

/** Text of a file of the package: its sources as one module, with the build's constants. */
export async function pack(name) {
  const sources = await Promise.all(modules[name].map((module) => text(`./src/${module}.js`)));
  const last = sources.length - 1;
  const joined = sources.map((source, index) => index < last ? source.replaceAll(/^export /gm, '') : source.replaceAll(/^import .*\n/gm, ''));
  const { code } = await minify(joined.join('\n'), {
    ecma: 2020,
    module: true,
    compress: { ecma: 2020, passes: 2, global_defs: { WHOLE: true, CONSENT: true, PLAIN: true, STANDALONE: true, OWN: '' } },
    mangle: true,
    format: { comments: false, ecma: 2020, preamble: '/* @sillage/tracker, Apache-2.0 */' },
  });
  return `${code}\n`;
}


export const built = (name) => new URL(`./dist/${name}`, import.meta.url);

const text = (path) => readFile(new URL(path, import.meta.url), 'utf8');

/** Puts the library before the script that uses it, in one function; the minifier drops unused parts. */
async function withWebVitals(source) {
  const library = await text('../node_modules/web-vitals/dist/web-vitals.js');
  const [whole, list] = /export\{([^}]*)\};[^]*$/.exec(library);
  const names = list.split(',').map((pair) => pair.split(' as ')).filter(([, name]) => source.includes(`${name}(`));
  const constants = names.map(([own, name]) => `${name} = ${own}`).join(', ');
  return `${library.slice(0, -whole.length)};const ${constants};{${source}}`;
}

/** Body of an exported function, to be joined with others. All bodies see the tracker's names; others get a block. */
function statements(source, name) {
  const [, body] = new RegExp(`^export function ${name}\\([^)]*\\) \\{\\n([^]*?)^\\}$`, 'm').exec(source);
  return name === 'begin' ? body : `{${body}}`;
}

/** Text of the built script `name`. */
export async function build(name) {
  const [modules, before, flags] = parts[name];
  const isAlone = modules.length === 1;
  const bodies = await Promise.all(modules.map(async (module) => {
    const [file, exported] = module.split('.');
    const source = await text(`./src/${file}.js`);
    return exported ? statements(source, exported) : withWebVitals(source);
  }));
  const bundled = name === 'sillage.timing.js';
  const [core, ...rest] = bodies;
  const adopting = before.includes('ADOPT') ? (await text('./src/compat.js')).replaceAll(/^export /gm, '') : '';
  const body = adopting ? `${core}if (adopted.actions) ${rest.join('')}` : bodies.join('\n');
  const filled = before.replace('ADOPT', () => adopting).replace('BODY', () => body);
  const whole = before.includes('BODY') ? filled : before + body;
  const { code } = await minify(`(function (window, document) {${whole}})(window, document);`, {
    ecma: 2020,
    compress: {
      ecma: 2020,
      passes: 6,
      unsafe_arrows: true,
      keep_fargs: false,
      pure_getters: true,
      global_defs: { WHOLE: false, CONSENT: true, PLAIN: false, STANDALONE: isAlone, OWN: name.replace('sillage', ''), ...flags },
    },
    mangle: true,
    format: { comments: false, ecma: 2020, preamble: bundled ? '/* with web-vitals, (c) Google LLC, Apache-2.0 */' : '' },
  });
  return `${code}\n`;
}

/** Size in bytes after gzip. */
export const compressed = (code) => gzipSync(code, { level: 9 }).length;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, bytesMax] of Object.entries(scripts)) {
    const code = await build(name);
    await writeFile(built(name), code);
    console.log(`tracker/dist/${name}: ${code.length} bytes, ${compressed(code)} compressed (at most ${bytesMax})`);
  }
  for (const name of Object.keys(modules)) {
    const code = await pack(name);
    await writeFile(packaged(name), code);
    console.log(`packages/tracker/${name}: ${code.length} bytes, ${compressed(code)} compressed`);
  }
}
