import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { build, built, bytesMax, compressed } from '../../tracker/build.mjs';

test('the committed tracker is what its source builds to, and small', async (t) => {
  const code = await build();
  assert.equal(await readFile(built, 'utf8'), code, 'run `npm run build:tracker`');
  t.diagnostic(`${code.length} bytes, ${compressed(code)} compressed, of at most ${bytesMax}`);
  assert.ok(compressed(code) <= bytesMax);
});
