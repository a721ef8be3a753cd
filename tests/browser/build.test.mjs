import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { build, built, compressed, scripts } from '../../tracker/build.mjs';

for (const [name, bytesMax] of Object.entries(scripts)) {
  test(`the committed ${name} is what its source builds to, and small`, async (t) => {
    const code = await build(name);
    assert.equal(await readFile(built(name), 'utf8'), code, 'run `npm run build:tracker`');
    t.diagnostic(`${code.length} bytes, ${compressed(code)} compressed, of at most ${bytesMax}`);
    assert.ok(compressed(code) <= bytesMax);
  });
}
