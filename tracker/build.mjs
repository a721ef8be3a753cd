// Builds the tracker: tracker/src/sillage.js → tracker/dist/sillage.js. The result is committed, so that the program
// builds without Node; tests/browser/build.test.mjs proves that it is what this file makes of the source.
import { readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { minify } from 'terser';

export const source = new URL('./src/sillage.js', import.meta.url);
export const built = new URL('./dist/sillage.js', import.meta.url);
export const bytesMax = 1700;

/** The built script's text. */
export async function build() {
  const { code } = await minify(await readFile(source, 'utf8'), {
    ecma: 2017,
    compress: { ecma: 2017, passes: 3, unsafe_arrows: true, keep_fargs: false },
    mangle: true,
    format: { comments: false, ecma: 2017 },
  });
  return `${code}\n`;
}

/** What travels: bytes after gzip. */
export const compressed = (code) => gzipSync(code, { level: 9 }).length;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const code = await build();
  await writeFile(built, code);
  console.log(`tracker/dist/sillage.js: ${code.length} bytes, ${compressed(code)} compressed (at most ${bytesMax})`);
}
