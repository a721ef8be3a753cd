// Builds the tracker and its extensions: tracker/src/*.js → tracker/dist/*.js. The results are committed, so that the
// program builds without Node; tests/browser/build.test.mjs proves that they are what this file makes of the sources.
import { readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { minify } from 'terser';

/** Every script with the most that it may weigh, compressed. src/collect/tracker.rs holds the same bounds. */
export const scripts = {
  'sillage.js': 1750,
  'sillage.consent.js': 600,
  'sillage.actions.js': 1100,
  'sillage.timing.js': 3500,
};

export const built = (name) => new URL(`./dist/${name}`, import.meta.url);

const text = (path) => readFile(new URL(path, import.meta.url), 'utf8');

/** The library in front of the script that uses it, in one function; what is not used the minifier leaves out. */
async function withWebVitals(source) {
  const library = await text('../node_modules/web-vitals/dist/web-vitals.js');
  const [whole, list] = /export\{([^}]*)\};[^]*$/.exec(library);
  const names = list.split(',').map((pair) => pair.split(' as ')).filter(([, name]) => source.includes(`${name}(`));
  const constants = names.map(([own, name]) => `${name} = ${own}`).join(', ');
  return `(function () {${library.slice(0, -whole.length)};const ${constants};{${source}}})();`;
}

/** The built script's text. */
export async function build(name) {
  const source = await text(`./src/${name}`);
  const bundled = name === 'sillage.timing.js';
  const { code } = await minify(bundled ? await withWebVitals(source) : source, {
    ecma: 2017,
    compress: { ecma: 2017, passes: 3, unsafe_arrows: true, keep_fargs: false },
    mangle: true,
    format: { comments: false, ecma: 2017, preamble: bundled ? '/* with web-vitals, (c) Google LLC, Apache-2.0 */' : '' },
  });
  return `${code}\n`;
}

/** What travels: bytes after gzip. */
export const compressed = (code) => gzipSync(code, { level: 9 }).length;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, bytesMax] of Object.entries(scripts)) {
    const code = await build(name);
    await writeFile(built(name), code);
    console.log(`tracker/dist/${name}: ${code.length} bytes, ${compressed(code)} compressed (at most ${bytesMax})`);
  }
}
